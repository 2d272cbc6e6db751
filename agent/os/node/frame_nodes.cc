#include "agent/os/node/frame_nodes.h"

#include <utility>

namespace numalocality {

bool FrameNodes::AreKnown() {
  if (std::exchange(tried_, true)) return blocks_.has_value();
  const auto zero_frame = kernel_.ZeroFrame();
  if (!zero_frame.ok()) return false;
  zero_frame_ = *zero_frame;
  auto blocks = MemoryBlocks::Read(host_, page_bytes_);
  if (blocks.ok()) blocks_ = *std::move(blocks);
  return blocks_.has_value();
}

}  // namespace numalocality
