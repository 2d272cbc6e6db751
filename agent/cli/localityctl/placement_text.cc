#include "agent/cli/localityctl/placement_text.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/base/log.h"
#include "agent/base/units.h"
#include "agent/cli/localityctl/words.h"
#include "agent/cli/table.h"

namespace numalocality::localityctl {
namespace {

// On machines of more nodes their sum is shown instead.
constexpr size_t kMostNodeColumns = 4;

// Nodes that any of the workloads uses, lives on, or may use.
std::set<int> NodesOf(const google::protobuf::RepeatedPtrField<v1::WorkloadPlacement>& list) {
  std::set<int> nodes;
  for (const v1::WorkloadPlacement& placement : list) {
    nodes.insert(placement.allowed_node_ids().begin(), placement.allowed_node_ids().end());
    nodes.insert(placement.home_node_ids().begin(), placement.home_node_ids().end());
    for (const v1::NodeUsage& usage : placement.node_usages()) nodes.insert(usage.node_id());
  }
  return nodes;
}

// What makes the figures of a placement less than the whole truth; "" if nothing does.
std::string Caveats(const v1::WorkloadPlacement& placement) {
  const std::string name = WorkloadWords(placement.workload());
  std::string caveats;
  if (placement.incomplete()) {
    absl::StrAppend(&caveats, "Note: ", name,
                    ": incomplete: processes were still appearing when it was read\n");
  }
  if (placement.hidden_process_count() > 0) {
    absl::StrAppend(&caveats, "Note: ", name, ": ", placement.hidden_process_count(),
                    " processes are outside the agent's PID namespace and cannot be moved\n");
  }
  if (placement.unlocated_bytes() > 0) {
    absl::StrAppend(&caveats, "Note: ", name, ": ", FormatBytes(placement.unlocated_bytes()),
                    " are on no node here: the kernel does not tell where they are, as automatic "
                    "NUMA balancing has marked them or the process made them inaccessible\n");
  }
  return caveats;
}

}  // namespace

std::string TopologyText(const v1::Topology& topology) {
  std::vector<Table::Column> columns = {{"NODE", Table::Align::kRight},
                                        {"CPUS"},
                                        {"MEMORY", Table::Align::kRight},
                                        {"FREE", Table::Align::kRight}};
  for (const v1::Node& node : topology.nodes()) {
    columns.push_back({absl::StrCat("TO ", node.node_id()), Table::Align::kRight});
  }
  Table table(std::move(columns));
  for (const v1::Node& node : topology.nodes()) {
    std::vector<std::string> cells = {absl::StrCat(node.node_id()), IdList(node.cpu_ids()),
                                      node.has_memory() ? FormatBytes(node.total_bytes()) : "",
                                      node.has_memory() ? FormatBytes(node.free_bytes()) : ""};
    std::map<int, int> distances;
    for (const v1::NodeDistance& to : node.distances()) distances[to.node_id()] = to.distance();
    for (const v1::Node& to : topology.nodes()) {
      const auto distance = distances.find(to.node_id());
      cells.push_back(distance == distances.end() ? "" : absl::StrCat(distance->second));
    }
    table.AddRow(std::move(cells));
  }
  return table.ToString();
}

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

}  // namespace numalocality::localityctl
