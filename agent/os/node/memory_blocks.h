// Which node a page frame lies on, from the blocks that memory is plugged in
// (Documentation/admin-guide/mm/memory-hotplug.rst).
#ifndef NUMALOCALITY_AGENT_OS_NODE_MEMORY_BLOCKS_H_
#define NUMALOCALITY_AGENT_OS_NODE_MEMORY_BLOCKS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/model/ids.h"
#include "agent/os/base/host.h"

namespace numalocality {

// A picture of one moment: memory that is plugged in later is not in it.
class MemoryBlocks {
 public:
  // The node of frames that no block or several nodes' blocks hold: device memory, memory that two
  // nodes share a block of. The kernel must be asked for such pages.
  static constexpr NodeId kUnknown{-1};

  // NOT_FOUND on kernels without memory hotplug, which do not tell.
  static absl::StatusOr<MemoryBlocks> Read(const Host& host, int64_t page_bytes);

  NodeId NodeOf(uint64_t frame) const {
    const uint64_t block = frame >> frame_shift_;
    return block < nodes_.size() ? nodes_[block] : kUnknown;
  }

 private:
  MemoryBlocks() = default;
  void Add(uint64_t block, NodeId node);

  int frame_shift_ = 0;  // frame number to block number
  std::vector<NodeId> nodes_;
  std::vector<bool> has_several_;  // parallel to nodes_: claimed by two nodes
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_NODE_MEMORY_BLOCKS_H_
