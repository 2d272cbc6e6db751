// The machine's NUMA topology and free memory, read from /sys/devices/system/node
// (Documentation/ABI/stable/sysfs-devices-node) and /proc/zoneinfo
// (Documentation/filesystems/proc.rst).
#ifndef NUMALOCALITY_AGENT_OS_NODE_TOPOLOGY_READER_H_
#define NUMALOCALITY_AGENT_OS_NODE_TOPOLOGY_READER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/model/room.h"
#include "agent/model/topology.h"
#include "agent/os/base/host.h"

namespace numalocality {

// A node's memory, in bytes.
struct NodeMemory {
  int64_t total = 0;
  int64_t free = 0;
  int64_t clean_cache = 0;  // see Node::clean_cache_bytes
  // Files and shared memory that processes have mapped; nullopt if the kernel does not report it.
  std::optional<int64_t> mapped = std::nullopt;
};

// Stateless and thread-safe.
class TopologyReader {
 public:
  explicit TopologyReader(const Host& host) : host_(host) {}

  // All online nodes; begins again if one goes offline meanwhile. An error if any part cannot be
  // read: an incomplete topology would send memory to the wrong node. NOT_FOUND on kernels built
  // without NUMA.
  absl::StatusOr<Topology> Read() const;

  // The online nodes that have memory now.
  absl::StatusOr<NodeSet> ReadMemoryNodes() const;

  // The memory of one node now. Reads a single file.
  absl::StatusOr<NodeMemory> ReadMemory(NodeId node) const;

  // Each node's watermarks, in bytes. Empty if the kernel does not report them.
  absl::StatusOr<std::map<NodeId, Watermarks>> ReadWatermarks() const;

  // The size of a transparent huge page in bytes; 0 if the kernel has none.
  int64_t ReadHugePageBytes() const;

 private:
  absl::StatusOr<Topology> ReadNodes(const NodeSet& online) const;

  const Host host_;
};

// The parsers of these files. Pure.

// Parses node*/meminfo. INVALID_ARGUMENT if MemTotal or MemFree is missing or not a number of kB.
// All dirty pages count as inactive page cache, so what is left of that is surely clean.
absl::StatusOr<NodeMemory> ParseNodeMeminfo(absl::string_view text);

// Parses node*/distance: one number for each online node, in the order of their ids.
absl::StatusOr<std::vector<int>> ParseDistances(absl::string_view text);

// Parses /proc/zoneinfo: for each node, the sums of its zones' watermarks in pages.
// INVALID_ARGUMENT if a watermark is not a number.
absl::StatusOr<std::map<NodeId, Watermarks>> ParseWatermarks(absl::string_view text);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_NODE_TOPOLOGY_READER_H_
