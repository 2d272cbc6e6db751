#include "agent/os/node/topology_reader.h"

#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"
#include "agent/os/node/parse_node.h"

namespace numalocality {
namespace {

absl::StatusOr<NodeSet> ReadNodeList(const std::string& path) {
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  auto nodes = NodeSet::Parse(text);
  if (!nodes.ok()) return WithContext(nodes.status(), path);
  return nodes;
}

absl::StatusOr<NodeMemory> ReadMemory(const std::string& directory) {
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFile(directory + "/meminfo"));
  auto memory = ParseNodeMeminfo(text);
  if (!memory.ok()) return WithContext(memory.status(), directory);
  return memory;
}

absl::StatusOr<Node> ReadNode(const std::string& directory, const NodeSet& online) {
  Node node;
  NL_ASSIGN_OR_RETURN(const std::string cpulist, ReadFile(directory + "/cpulist"));
  NL_ASSIGN_OR_RETURN(node.cpus, CpuSet::Parse(cpulist));
  NL_ASSIGN_OR_RETURN(const std::string distance_text, ReadFile(directory + "/distance"));
  NL_ASSIGN_OR_RETURN(const std::vector<int> distances, ParseDistances(distance_text));
  if (distances.size() != online.size()) {
    return absl::InternalError(absl::StrCat(directory, "/distance: ", distances.size(),
                                            " distances for ", online.size(), " online nodes"));
  }
  auto distance = distances.begin();
  for (const NodeId other : online) node.distances[other] = *distance++;
  NL_ASSIGN_OR_RETURN(const NodeMemory memory, ReadMemory(directory));
  node.total_bytes = memory.total_bytes;
  node.free_bytes = memory.free_bytes;
  return node;
}

std::string NodeDirectory(const Host& host, NodeId node) {
  return absl::StrCat(host.nodes, "/node", node.value);
}

}  // namespace

absl::StatusOr<Topology> TopologyReader::Read() const {
  Topology topology;
  topology.page_bytes = host_.page_bytes;
  topology.local_distance = host_.local_distance;
  NL_ASSIGN_OR_RETURN(const NodeSet online, ReadNodeList(host_.nodes + "/online"));
  NL_ASSIGN_OR_RETURN(const NodeSet with_memory, ReadNodeList(host_.nodes + "/has_memory"));
  for (const NodeId id : online) {
    NL_ASSIGN_OR_RETURN(Node node, ReadNode(NodeDirectory(host_, id), online));
    node.has_memory = with_memory.Contains(id);
    topology.nodes.emplace(id, std::move(node));
  }
  return topology;
}

absl::StatusOr<int64_t> TopologyReader::ReadFreeBytes(NodeId node) const {
  NL_ASSIGN_OR_RETURN(const NodeMemory memory, ReadMemory(NodeDirectory(host_, node)));
  return memory.free_bytes;
}

absl::StatusOr<std::map<NodeId, int64_t>> TopologyReader::ReadHighWatermarks() const {
  // Some kilobytes a CPU and zone.
  constexpr size_t kMaxZoneinfoBytes = size_t{16} << 20;
  const auto text = ReadFile(host_.proc + "/zoneinfo", kMaxZoneinfoBytes);
  if (absl::IsNotFound(text.status())) return std::map<NodeId, int64_t>();
  if (!text.ok()) return text.status();
  NL_ASSIGN_OR_RETURN(auto watermarks, ParseHighWatermarks(*text));
  for (auto& [node, value] : watermarks) value *= host_.page_bytes;
  return watermarks;
}

int64_t TopologyReader::ReadHugePageBytes() const {
  const auto text = ReadFile(host_.thp + "/hpage_pmd_size");
  int64_t bytes = 0;
  if (!text.ok() || !absl::SimpleAtoi(absl::StripAsciiWhitespace(*text), &bytes)) return 0;
  return bytes;
}

}  // namespace numalocality
