#include "agent/cli/localityctl/top_command.h"

#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/base/units.h"
#include "agent/cli/localityctl/all_agents.h"
#include "agent/cli/localityctl/commands.h"
#include "agent/cli/localityctl/reconnect.h"
#include "agent/cli/localityctl/selector.h"
#include "agent/cli/localityctl/words.h"
#include "agent/cli/table.h"

namespace numalocality::localityctl {
namespace {

// With more nodes the table has one column with their sum.
constexpr size_t kMostNodeColumns = 4;

// The nodes that any of the workloads uses, may use, or has as home nodes.
std::set<int> NodesOf(const google::protobuf::RepeatedPtrField<v1::WorkloadPlacement>& list) {
  std::set<int> nodes;
  for (const v1::WorkloadPlacement& placement : list) {
    nodes.insert(placement.allowed_node_ids().begin(), placement.allowed_node_ids().end());
    nodes.insert(placement.home_node_ids().begin(), placement.home_node_ids().end());
    for (const v1::NodeUsage& usage : placement.node_usages()) nodes.insert(usage.node_id());
  }
  return nodes;
}

// Notes about memory or processes that the figures of a placement leave out; "" if there are none.
std::string Caveats(const v1::WorkloadPlacement& placement) {
  const std::string name = WorkloadWords(placement.workload());
  std::string caveats;
  if (placement.incomplete()) {
    absl::StrAppend(&caveats, "Note: ", name,
                    ": incomplete, as new processes appeared while it was read\n");
  }
  if (placement.state() == v1::PLACEMENT_STATE_TOO_LARGE_TO_SAMPLE) {
    absl::StrAppend(&caveats, "Note: ", name, ": too large to sample: ", placement.state_message(),
                    "\n");
  }
  if (placement.hidden_process_count() > 0) {
    absl::StrAppend(&caveats, "Note: ", name, ": ", placement.hidden_process_count(),
                    " processes are outside the agent's PID namespace and cannot be moved\n");
  }
  if (placement.unlocated_bytes() > 0) {
    absl::StrAppend(
        &caveats, "Note: ", name, ": ", FormatBytes(placement.unlocated_bytes()),
        " are missing in this table: the kernel does not report their node, as automatic "
        "NUMA balancing marked the pages or the process made them inaccessible\n");
  }
  return caveats;
}

// The placements of all workloads, kept up to date with the agent's changes.
class PlacementBoard {
 public:
  // Applies a change. False if it changes nothing: a workload is gone that was not known.
  bool Apply(const v1::WatchPlacementsResponse& change);

  // Whether the list is complete. False between a resync and the mark that ends it.
  bool is_synced() const { return is_synced_; }

  // All placements, in the order of their cgroup paths.
  v1::ListPlacementsResponse List() const;

 private:
  // Identifies a workload: a new cgroup under the same path is another workload.
  using Key = std::tuple<std::string, uint64_t, int32_t>;
  static Key KeyOf(const v1::Workload& workload) {
    return {workload.cgroup_path(), workload.cgroup_id(), workload.pid()};
  }

  std::map<Key, v1::WorkloadPlacement> placements_;
  bool is_synced_ = false;
};

bool PlacementBoard::Apply(const v1::WatchPlacementsResponse& change) {
  switch (change.change_case()) {
    case v1::WatchPlacementsResponse::kPlacement:
      placements_[KeyOf(change.placement().workload())] = change.placement();
      break;
    case v1::WatchPlacementsResponse::kGone: return placements_.erase(KeyOf(change.gone())) > 0;
    case v1::WatchPlacementsResponse::kResync:
      placements_.clear();
      is_synced_ = false;
      break;
    case v1::WatchPlacementsResponse::kSynced: is_synced_ = true; break;
    case v1::WatchPlacementsResponse::kHeartbeat:
    case v1::WatchPlacementsResponse::CHANGE_NOT_SET: break;  // from a newer agent
  }
  return true;
}

v1::ListPlacementsResponse PlacementBoard::List() const {
  v1::ListPlacementsResponse list;
  for (const auto& [key, placement] : placements_) *list.add_placements() = placement;
  return list;
}

// A line for a change: the placement in brief, or the workload that is gone. "" for changes that
// only programs need.
std::string ChangeText(const v1::WatchPlacementsResponse& change) {
  if (change.has_gone()) return absl::StrCat(WorkloadWords(change.gone()), ": gone\n");
  if (!change.has_placement()) return "";
  const v1::WorkloadPlacement& placement = change.placement();
  std::string text =
      absl::StrCat(TimeWords(placement.read_time()), "  ", WorkloadWords(placement.workload()),
                   ": ", FormatBytes(MemoryBytes(placement)));
  if (placement.has_local_fraction()) {
    absl::StrAppend(&text, ", ", LocalWords(placement), " local to node ",
                    IdList(placement.home_node_ids()), ", ", FormatBytes(RemoteBytes(placement)),
                    " remote");
  }
  const std::string decision = DecisionWords(placement.decision());
  return absl::StrCat(text, decision.empty() ? "" : "; ", decision, "\n");
}

// Moves the cursor to the upper left corner and clears the terminal.
constexpr char kClearScreen[] = "\033[H\033[J";

// Whether `selector` names `workload`. With NAME_NOT_SET it names all of them.
bool IsNamed(const v1::WorkloadSelector& selector, const v1::Workload& workload) {
  switch (selector.name_case()) {
    case v1::WorkloadSelector::kPod:
      return workload.pod_uid() == selector.pod().uid() &&
             absl::StartsWith(workload.container_id(), selector.pod().container_id());
    case v1::WorkloadSelector::kContainerId:
      return absl::StartsWith(workload.container_id(), selector.container_id());
    case v1::WorkloadSelector::kCgroupPath: return workload.cgroup_path() == selector.cgroup_path();
    case v1::WorkloadSelector::kPid: return workload.pid() == selector.pid();
    case v1::WorkloadSelector::kResourceName: {
      const std::string pod =
          absl::StrCat("namespaces/", workload.pod_namespace(), "/pods/", workload.pod_name());
      return selector.resource_name() == pod ||
             selector.resource_name() ==
                 absl::StrCat(pod, "/containers/", workload.container_name());
    }
    case v1::WorkloadSelector::NAME_NOT_SET: return true;
  }
  return true;
}

struct TopOptions {
  SelectorOptions selector;
  std::string pod_namespace;  // empty: all
  bool watch = false;
  bool sandboxes = false;
  bool pages = false;
};

constexpr absl::Duration kRefresh = absl::Seconds(2);

// The placements that `options` select.
absl::StatusOr<v1::ListPlacementsResponse> ReadPlacements(AgentClient& client,
                                                          const TopOptions& options) {
  const auto view = options.pages ? v1::PLACEMENT_VIEW_PAGES : v1::PLACEMENT_VIEW_BASIC;
  v1::GetPlacementRequest request;
  *request.mutable_workload() = ToSelector(options.selector);
  request.set_view(view);
  v1::ListPlacementsResponse list;
  if (request.workload().name_case() == v1::WorkloadSelector::NAME_NOT_SET) {
    NL_ASSIGN_OR_RETURN(list, client.ListPlacements(view));
  } else {
    NL_ASSIGN_OR_RETURN(auto response, client.GetPlacement(request));
    list.mutable_placements()->Swap(response.mutable_placements());
  }
  const WatchFilter filter{{}, options.pod_namespace, options.sandboxes};
  auto& placements = *list.mutable_placements();
  placements.erase(
      std::remove_if(placements.begin(), placements.end(),
                     [&](const v1::WorkloadPlacement& each) { return !filter.Shows(each); }),
      placements.end());
  return list;
}

// --watch polls for these, as the agent's stream has no single processes and no page view.
bool MustPoll(const TopOptions& options) { return options.pages || options.selector.pid != 0; }

absl::StatusOr<ExitCode> TopOfAll(const GlobalOptions& globals, const TopOptions& options) {
  using Response = v1::ListPlacementsResponse;
  if (options.watch) {
    return absl::InvalidArgumentError(
        "--watch works on one agent: name it with --endpoint instead of --all, or omit --watch");
  }
  NL_ASSIGN_OR_RETURN(const AllAgents agents, AllAgents::Find(globals));
  auto answers = agents.Ask<Response>(
      [&options](AgentClient& agent) { return ReadPlacements(agent, options); });
  if (ToSelector(options.selector).name_case() != v1::WorkloadSelector::NAME_NOT_SET) {
    NL_RETURN_IF_ERROR(KeepFound(answers));
  }
  return PrintAnswers<Response>(std::move(answers), globals.output, [](auto& good) {
    Response all;
    std::vector<std::string> nodes;
    for (AgentAnswer<Response>& answer : good) {
      for (auto& each : *answer.response->mutable_placements()) all.add_placements()->Swap(&each);
      nodes.resize(static_cast<size_t>(all.placements_size()), answer.node);
    }
    return PlacementsText(all.placements(), nodes);
  });
}

absl::StatusOr<ExitCode> Top(const GlobalOptions& globals, const TopOptions& options) {
  if (globals.calls_many()) return TopOfAll(globals, options);
  NL_ASSIGN_OR_RETURN(AgentClient client, Connect(globals));
  const bool on_terminal = isatty(STDOUT_FILENO) == 1;
  if (options.watch && !MustPoll(options)) {
    return WatchPlacements(client,
                           {ToSelector(options.selector), options.pod_namespace, options.sandboxes},
                           globals.output, on_terminal);
  }
  Reconnect reconnect(*globals.clock, kWatchPatience);
  while (true) {
    const auto list = ReadPlacements(client, options);
    if (!list.ok() && options.watch && reconnect.WaitAfter(list.status())) continue;
    if (!list.ok()) return list.status();
    reconnect.Reached();
    std::cout << (options.watch && on_terminal ? kClearScreen : "")
              << Render(*list, globals.output, [&] { return PlacementsText(list->placements()); })
              << std::flush;
    if (!options.watch || !std::cout) return kExitSuccess;
    globals.clock->Sleep(kRefresh);
  }
}

}  // namespace

std::string PlacementsText(const google::protobuf::RepeatedPtrField<v1::WorkloadPlacement>& list,
                           const std::vector<std::string>& machines) {
  if (list.empty()) return "No containers.\n";
  const std::set<int> nodes = NodesOf(list);
  const bool each_node = nodes.size() <= kMostNodeColumns;
  const bool any_decision =
      std::any_of(list.begin(), list.end(), [](const auto& each) { return each.has_decision(); });
  std::vector<Table::Column> columns = {{"POD"}, {"CONTAINER"}, {"QOS"}, {"CPUS"}, {"HOME"}};
  for (const int node : each_node ? nodes : std::set<int>()) {
    columns.push_back({absl::StrCat("NODE ", node), Table::Align::kRight});
  }
  if (!each_node) columns.push_back({"MEMORY", Table::Align::kRight});
  columns.push_back({"LOCAL", Table::Align::kRight});
  columns.push_back({"REMOTE", Table::Align::kRight});
  if (any_decision) columns.push_back({"DECISION"});
  Table table(std::move(columns));
  std::string caveats;
  for (const v1::WorkloadPlacement& placement : list) {
    const v1::Workload& workload = placement.workload();
    std::vector<std::string> cells = {LogSafe(PodWord(workload)), ContainerWord(workload),
                                      QosWord(workload.qos_class()), IdList(placement.cpu_ids()),
                                      IdList(placement.home_node_ids())};
    std::map<int, int64_t> bytes;
    for (const v1::NodeUsage& usage : placement.node_usages()) {
      bytes[usage.node_id()] = AnonAndShmemBytes(usage);
    }
    for (const int node : each_node ? nodes : std::set<int>()) {
      cells.push_back(FormatBytes(bytes[node]));
    }
    if (!each_node) cells.push_back(FormatBytes(MemoryBytes(placement)));
    cells.push_back(LocalWords(placement));
    cells.push_back(placement.has_local_fraction() ? FormatBytes(RemoteBytes(placement)) : "");
    if (any_decision) cells.push_back(DecisionWords(placement.decision()));
    table.AddRow(std::move(cells));
    caveats += Caveats(placement);
  }
  if (!machines.empty()) table.Prepend({"NODE"}, machines);
  return table.ToString() + caveats;
}

bool WatchFilter::Shows(const v1::Workload& workload) const {
  return IsNamed(selector, workload) &&
         (pod_namespace.empty() || workload.pod_namespace() == pod_namespace);
}

bool WatchFilter::Shows(const v1::WorkloadPlacement& placement) const {
  return Shows(placement.workload()) && (sandboxes || !placement.is_sandbox());
}

bool WatchFilter::Shows(const v1::WatchPlacementsResponse& change) const {
  if (change.has_gone()) return Shows(change.gone());
  return !change.has_placement() || Shows(change.placement());
}

absl::StatusOr<ExitCode> WatchPlacements(AgentClient& client, const WatchFilter& filter,
                                         OutputFormat output, bool in_place) {
  PlacementBoard board;
  const auto show = [&](const v1::WatchPlacementsResponse& change) {
    if (!filter.Shows(change)) return true;
    const bool is_news = board.Apply(change);
    if (output != OutputFormat::kTable) {
      std::cout << RenderOneOfMany(change, output, [] { return ""; });
    } else if (!in_place) {
      std::cout << (is_news ? ChangeText(change) : "");
    } else if (board.is_synced()) {
      std::cout << kClearScreen << PlacementsText(board.List().placements());
    }
    std::cout.flush();
    return static_cast<bool>(std::cout);
  };
  NL_RETURN_IF_ERROR(client.WatchPlacements(show));
  return kExitSuccess;
}

Command TopCommand(CLI::App& app, const GlobalOptions& globals) {
  const auto options = std::make_shared<TopOptions>();
  CLI::App* arguments = app.add_subcommand(
      "top", "Show where containers' memory is, and how much is local to their CPUs");
  AddSelectorOptions(*arguments, options->selector);
  arguments->add_option("--namespace", options->pod_namespace, "Show only pods of this namespace")
      ->type_name("NAME");
  arguments->add_flag("--watch", options->watch,
                      "Update the output as placements change; with --pages or --pid every 2 s");
  arguments->add_flag("--sandboxes", options->sandboxes,
                      "Also show pods' sandboxes (pause containers)");
  arguments->add_flag("--pages", options->pages,
                      "Scan every page: exact, but slow for large processes");
  return {arguments, [&globals, options] { return Top(globals, *options); }};
}

}  // namespace numalocality::localityctl
