#include "agent/os/node/topology_reader.h"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"

namespace numalocality {
namespace {

// Nodes go offline one by one, and rarely.
constexpr int kMostAttempts = 3;

// The value in bytes of a line such as "Node 0 MemFree:   123 kB".
absl::StatusOr<int64_t> KilobyteField(absl::string_view text, absl::string_view key) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.size() != 5 || words[2] != key) continue;
    int64_t kilobytes = 0;
    if (absl::SimpleAtoi(words[3], &kilobytes) && kilobytes >= 0 && words[4] == "kB" &&
        kilobytes <= std::numeric_limits<int64_t>::max() / 1024) {
      return kilobytes * 1024;
    }
    return absl::InvalidArgumentError(absl::StrCat("node meminfo: bad line '", line, "'"));
  }
  return absl::InvalidArgumentError(absl::StrCat("node meminfo: no line ", key));
}

absl::StatusOr<NodeSet> ReadNodeList(const std::string& path) {
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  auto nodes = NodeSet::Parse(text);
  if (!nodes.ok()) return WithContext(nodes.status(), path);
  return nodes;
}

absl::StatusOr<NodeMemory> ReadMeminfo(const std::string& directory) {
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
  NL_ASSIGN_OR_RETURN(const NodeMemory memory, ReadMeminfo(directory));
  node.total_bytes = memory.total;
  node.free_bytes = memory.free;
  node.clean_cache_bytes = memory.clean_cache;
  return node;
}

std::string NodeDirectory(const Host& host, NodeId node) {
  return absl::StrCat(host.nodes, "/node", node.value);
}

}  // namespace

absl::StatusOr<Topology> TopologyReader::Read() const {
  for (int attempt = 1;; ++attempt) {
    NL_ASSIGN_OR_RETURN(const NodeSet online, ReadNodeList(host_.nodes + "/online"));
    auto topology = ReadNodes(online);
    if (topology.ok() || attempt == kMostAttempts) return topology;
    NL_ASSIGN_OR_RETURN(const NodeSet now, ReadNodeList(host_.nodes + "/online"));
    if (now == online) return topology;
  }
}

absl::StatusOr<NodeSet> TopologyReader::ReadMemoryNodes() const {
  return ReadNodeList(host_.nodes + "/has_memory");
}

absl::StatusOr<Topology> TopologyReader::ReadNodes(const NodeSet& online) const {
  Topology topology;
  topology.page_bytes = host_.page_bytes;
  topology.local_distance = host_.local_distance;
  NL_ASSIGN_OR_RETURN(const NodeSet with_memory, ReadMemoryNodes());
  for (const NodeId id : online) {
    NL_ASSIGN_OR_RETURN(Node node, ReadNode(NodeDirectory(host_, id), online));
    node.has_memory = with_memory.Contains(id);
    topology.nodes.emplace(id, std::move(node));
  }
  return topology;
}

absl::StatusOr<NodeMemory> TopologyReader::ReadMemory(NodeId node) const {
  return ReadMeminfo(NodeDirectory(host_, node));
}

absl::StatusOr<std::map<NodeId, Watermarks>> TopologyReader::ReadWatermarks() const {
  // The file has some kilobytes for each CPU and zone.
  constexpr size_t kMaxZoneinfoBytes = size_t{16} << 20;
  const auto text = ReadFile(host_.proc + "/zoneinfo", kMaxZoneinfoBytes);
  if (absl::IsNotFound(text.status())) return std::map<NodeId, Watermarks>();
  if (!text.ok()) return text.status();
  NL_ASSIGN_OR_RETURN(auto watermarks, ParseWatermarks(*text));
  for (auto& [node, marks] : watermarks) {
    marks.min *= host_.page_bytes;
    marks.high *= host_.page_bytes;
  }
  return watermarks;
}

int64_t TopologyReader::ReadHugePageBytes() const {
  const auto text = ReadFile(host_.thp + "/hpage_pmd_size");
  int64_t bytes = 0;
  if (!text.ok() || !absl::SimpleAtoi(absl::StripAsciiWhitespace(*text), &bytes)) return 0;
  return bytes;
}

absl::StatusOr<NodeMemory> ParseNodeMeminfo(absl::string_view text) {
  const auto total = KilobyteField(text, "MemTotal:");
  if (!total.ok()) return total.status();
  const auto free = KilobyteField(text, "MemFree:");
  if (!free.ok()) return free.status();
  // Older kernels may lack one of these.
  const auto optional = [text](absl::string_view key) {
    return KilobyteField(text, key).value_or(0);
  };
  const int64_t clean = optional("Inactive(file):") - optional("Dirty:") - optional("Writeback:");
  NodeMemory memory{*total, *free, std::max(int64_t{0}, clean)};
  if (const auto mapped = KilobyteField(text, "Mapped:"); mapped.ok()) memory.mapped = *mapped;
  return memory;
}

absl::StatusOr<std::vector<int>> ParseDistances(absl::string_view text) {
  std::vector<int> distances;
  for (const absl::string_view word :
       absl::StrSplit(absl::StripAsciiWhitespace(text), ' ', absl::SkipEmpty())) {
    int distance = 0;
    if (!absl::SimpleAtoi(word, &distance) || distance <= 0) {
      return absl::InvalidArgumentError(absl::StrCat("node distance: bad number '", word, "'"));
    }
    distances.push_back(distance);
  }
  return distances;
}

absl::StatusOr<std::map<NodeId, Watermarks>> ParseWatermarks(absl::string_view text) {
  std::map<NodeId, Watermarks> watermarks;
  NodeId node;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" ,"), absl::SkipEmpty());
    int64_t pages = 0;
    if (words.size() == 4 && words[0] == "Node" && words[2] == "zone") {
      if (absl::SimpleAtoi(words[1], &node.value)) continue;
    } else if (words.size() == 2 && (words[0] == "high" || words[0] == "min")) {
      if (absl::SimpleAtoi(words[1], &pages) && pages >= 0) {
        (words[0] == "min" ? watermarks[node].min : watermarks[node].high) += pages;
        continue;
      }
    } else {
      continue;
    }
    return absl::InvalidArgumentError(absl::StrCat("zoneinfo: bad line '", line, "'"));
  }
  return watermarks;
}

}  // namespace numalocality
