#include "agent/cli/localityctl/placement_text.h"

#include <map>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/base/log.h"
#include "agent/base/units.h"
#include "agent/cli/localityctl/words.h"
#include "agent/cli/table.h"

namespace numalocality {
namespace {

// The cells that say who a workload is: pod and container, or what stands in for it.
std::vector<std::string> NameCells(const v1::Workload& workload) {
  if (workload.pid() != 0) return {workload.pod_uid(), absl::StrCat("process ", workload.pid())};
  if (workload.container_id().empty()) return {"", LogSafe(workload.cgroup_path())};
  return {workload.pod_uid(), ShortId(workload.container_id())};
}

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

std::string PlacementsText(const google::protobuf::RepeatedPtrField<v1::WorkloadPlacement>& list) {
  if (list.empty()) return "No containers.\n";
  const std::set<int> nodes = NodesOf(list);
  std::vector<Table::Column> columns = {{"POD"}, {"CONTAINER"}, {"QOS"}, {"CPUS"}, {"HOME"}};
  for (const int node : nodes) {
    columns.push_back({absl::StrCat("NODE ", node), Table::Align::kRight});
  }
  columns.push_back({"LOCAL", Table::Align::kRight});
  Table table(std::move(columns));
  std::string caveats;
  for (const v1::WorkloadPlacement& placement : list) {
    std::vector<std::string> cells = NameCells(placement.workload());
    cells.push_back(QosWord(placement.workload().qos_class()));
    cells.push_back(IdList(placement.cpu_ids()));
    cells.push_back(IdList(placement.home_node_ids()));
    std::map<int, int64_t> bytes;
    for (const v1::NodeUsage& usage : placement.node_usages()) {
      bytes[usage.node_id()] = AnonAndShmemBytes(usage);
    }
    for (const int node : nodes) cells.push_back(FormatBytes(bytes[node]));
    cells.push_back(placement.has_local_fraction()
                        ? absl::StrFormat("%.1f%%", 100 * placement.local_fraction())
                        : "");
    table.AddRow(std::move(cells));
    caveats += Caveats(placement);
  }
  return table.ToString() + caveats;
}

}  // namespace numalocality
