// Where pages are by their frame numbers, for who may see them.
#ifndef NUMALOCALITY_AGENT_OS_NODE_FRAME_NODES_H_
#define NUMALOCALITY_AGENT_OS_NODE_FRAME_NODES_H_

#include <cstdint>
#include <optional>

#include "agent/model/ids.h"
#include "agent/os/base/host.h"
#include "agent/os/base/kernel_calls.h"
#include "agent/os/node/memory_blocks.h"

namespace numalocality {

// Reads the machine's table when it is first needed. Not thread-safe.
class FrameNodes {
 public:
  FrameNodes(KernelCalls& kernel, const Host& host, int64_t page_bytes)
      : kernel_(kernel), host_(host), page_bytes_(page_bytes) {}

  // Whether frames are visible (CAP_SYS_ADMIN) and the kernel tells which node has which.
  bool AreKnown();

  // Only if AreKnown.
  NodeId NodeOf(uint64_t frame) const { return blocks_->NodeOf(frame); }
  bool IsZeroPage(uint64_t frame) const { return frame == zero_frame_; }

 private:
  KernelCalls& kernel_;
  const Host& host_;
  const int64_t page_bytes_;
  bool tried_ = false;
  uint64_t zero_frame_ = 0;
  std::optional<MemoryBlocks> blocks_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_NODE_FRAME_NODES_H_
