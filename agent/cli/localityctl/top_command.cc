// localityctl top
#include <unistd.h>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/status.h"
#include "agent/cli/localityctl/all_agents.h"
#include "agent/cli/localityctl/commands.h"
#include "agent/cli/localityctl/placement_text.h"
#include "agent/cli/localityctl/placement_watch.h"
#include "agent/cli/localityctl/selector.h"

namespace numalocality::localityctl {
namespace {

struct TopOptions {
  SelectorOptions selector;
  bool watch = false;
  bool sandboxes = false;
  bool pages = false;
};

constexpr absl::Duration kRefresh = absl::Seconds(2);

void DropSandboxes(v1::ListPlacementsResponse& list) {
  auto& placements = *list.mutable_placements();
  for (int i = placements.size() - 1; i >= 0; --i) {
    if (placements.at(i).is_sandbox()) placements.DeleteSubrange(i, 1);
  }
}

// What is asked for, as one list whichever way it is asked for.
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
  if (!options.sandboxes) DropSandboxes(list);
  return list;
}

// The agent's stream has reports of containers, not of single processes or pages.
bool MustAskAgain(const TopOptions& options) { return options.pages || options.selector.pid != 0; }

absl::StatusOr<ExitCode> TopOfAll(const GlobalOptions& globals, const TopOptions& options) {
  using Response = v1::ListPlacementsResponse;
  if (options.watch) {
    return absl::InvalidArgumentError(
        "--watch is for one agent: name that by --endpoint, or leave --watch out");
  }
  NL_ASSIGN_OR_RETURN(AllAgents agents, AllAgents::Find(globals));
  auto answers = agents.Ask<Response>(
      [&options](AgentClient& agent) { return ReadPlacements(agent, options); });
  if (ToSelector(options.selector).name_case() != v1::WorkloadSelector::NAME_NOT_SET) {
    NL_RETURN_IF_ERROR(KeepFound(answers));
  }
  return PrintAnswers<Response>(answers, globals.output, [](const auto& good) {
    Response all;
    std::vector<std::string> nodes;
    for (const AgentAnswer<Response>& answer : good) {
      all.MergeFrom(*answer.response);
      nodes.resize(static_cast<size_t>(all.placements_size()), answer.node);
    }
    return PlacementsText(all.placements(), nodes);
  });
}

absl::StatusOr<ExitCode> Top(const GlobalOptions& globals, const TopOptions& options) {
  if (!globals.all.empty()) return TopOfAll(globals, options);
  NL_ASSIGN_OR_RETURN(AgentClient client, Connect(globals));
  const bool on_terminal = isatty(STDOUT_FILENO) == 1;
  if (options.watch && !MustAskAgain(options)) {
    return WatchPlacements(client, {ToSelector(options.selector), options.sandboxes},
                           globals.output, on_terminal);
  }
  while (true) {
    NL_ASSIGN_OR_RETURN(const auto list, ReadPlacements(client, options));
    std::cout << (options.watch && on_terminal ? kClearScreen : "")
              << Render(list, globals.output, [&] { return PlacementsText(list.placements()); })
              << std::flush;
    if (!options.watch || !std::cout) return kExitSuccess;
    Clock::System().Sleep(kRefresh);
  }
}

}  // namespace

Command TopCommand(CLI::App& app, const GlobalOptions& globals) {
  const auto options = std::make_shared<TopOptions>();
  CLI::App* arguments = app.add_subcommand(
      "top", "Where each container's memory is, and how much of it is local to its CPUs");
  AddSelectorOptions(*arguments, options->selector);
  arguments->add_flag("--watch", options->watch,
                      "Go on: as placements change; with --pages or --pid every 2 s");
  arguments->add_flag("--sandboxes", options->sandboxes, "Pods' sandboxes (pause containers), too");
  arguments->add_flag("--pages", options->pages, "Exact, page by page: slow for large processes");
  return {arguments, [&globals, options] { return Top(globals, *options); }};
}

}  // namespace numalocality::localityctl
