// The NUMA node of a page frame, for callers that may see frame numbers (CAP_SYS_ADMIN). The node
// comes from the blocks in which memory is hot-plugged: each node's directory in sysfs links its
// blocks (Documentation/admin-guide/mm/memory-hotplug.rst).
#ifndef NUMALOCALITY_AGENT_OS_NODE_FRAME_NODES_H_
#define NUMALOCALITY_AGENT_OS_NODE_FRAME_NODES_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/model/ids.h"
#include "agent/os/base/host.h"
#include "agent/os/base/kernel_calls.h"

namespace numalocality {

// The machine's memory blocks and their nodes at the time of Read. Memory that is hot-plugged later
// is not included.
class MemoryBlocks {
 public:
  // The node of a frame that is in no block, or in a block that several nodes share: device memory,
  // or a block on the border of two nodes. Query such pages by move_pages(2).
  static constexpr NodeId kUnknown{-1};

  // NOT_FOUND on kernels built without memory hotplug, which have no blocks.
  static absl::StatusOr<MemoryBlocks> Read(const Host& host, int64_t page_bytes);

  NodeId NodeOf(uint64_t frame) const {
    const uint64_t block = frame >> frame_shift_;
    return block < nodes_.size() ? nodes_[block] : kUnknown;
  }

 private:
  MemoryBlocks() = default;
  void Add(uint64_t block, NodeId node);

  int frame_shift_ = 0;  // converts a frame number to a block number
  std::vector<NodeId> nodes_;
  std::vector<bool> has_several_;  // parallel to nodes_: the block belongs to several nodes
};

// Finds the node of a frame. Reads the memory blocks at the first use. Not thread-safe.
class FrameNodes {
 public:
  FrameNodes(KernelCalls& kernel, const Host& host, int64_t page_bytes)
      : kernel_(kernel), host_(host), page_bytes_(page_bytes) {}

  // Whether frame numbers are visible (CAP_SYS_ADMIN) and the kernel has memory blocks.
  bool AreKnown();

  // Valid only if AreKnown.
  NodeId NodeOf(uint64_t frame) const { return blocks_->NodeOf(frame); }
  bool IsZeroPage(uint64_t frame) const { return frame == zero_frame_; }

 private:
  KernelCalls& kernel_;
  const Host& host_;
  const int64_t page_bytes_;
  bool tried_ = false;
  std::optional<uint64_t> zero_frame_;
  std::optional<MemoryBlocks> blocks_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_NODE_FRAME_NODES_H_
