// Reads the machine's NUMA topology from /sys/devices/system/node.
#ifndef NUMALOCALITY_AGENT_OS_NODE_TOPOLOGY_READER_H_
#define NUMALOCALITY_AGENT_OS_NODE_TOPOLOGY_READER_H_

#include <cstdint>
#include <map>

#include "absl/status/statusor.h"
#include "agent/model/topology.h"
#include "agent/os/base/host.h"

namespace numalocality {

// Stateless and thread-safe.
class TopologyReader {
 public:
  explicit TopologyReader(const Host& host) : host_(host) {}

  // All online nodes. Fails as a whole if any part cannot be read: half a topology would send
  // memory to the wrong place. NOT_FOUND on a kernel built without NUMA.
  absl::StatusOr<Topology> Read() const;

  // Free bytes of one node now; a single file.
  absl::StatusOr<int64_t> ReadFreeBytes(NodeId node) const;

  // By node, the free bytes below which the kernel starts to reclaim, taking page cache away from
  // others. Empty where the kernel does not tell.
  absl::StatusOr<std::map<NodeId, int64_t>> ReadHighWatermarks() const;

  // Bytes of a transparent huge page; 0 where there are none.
  int64_t ReadHugePageBytes() const;

 private:
  const Host host_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_NODE_TOPOLOGY_READER_H_
