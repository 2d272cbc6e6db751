#include "agent/os/node/frame_nodes.h"

#include <fcntl.h>

#include <bit>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"

namespace numalocality {
namespace {

// Parses the number after `prefix` in names such as "node12" and "memory7"; false for other names.
template <typename Number>
bool ParseNumbered(absl::string_view name, absl::string_view prefix, Number& number) {
  return absl::ConsumePrefix(&name, prefix) && absl::SimpleAtoi(name, &number);
}

// Enough blocks of 128 MiB for the 4 PiB that x86-64 addresses with five page table levels.
constexpr uint64_t kMaxBlocks = uint64_t{1} << 25;

}  // namespace

absl::StatusOr<MemoryBlocks> MemoryBlocks::Read(const Host& host, int64_t page_bytes) {
  const std::string path = host.nodes + "/../memory/block_size_bytes";
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  uint64_t block_bytes = 0;
  if (!absl::SimpleHexAtoi(absl::StripAsciiWhitespace(text), &block_bytes) ||
      !std::has_single_bit(block_bytes) || block_bytes < static_cast<uint64_t>(page_bytes)) {
    return absl::InvalidArgumentError(
        absl::StrCat("read ", path, ": '", text, "' is not a block size in hexadecimal"));
  }
  MemoryBlocks blocks;
  blocks.frame_shift_ =
      std::countr_zero(block_bytes) - std::countr_zero(static_cast<uint64_t>(page_bytes));
  NL_ASSIGN_OR_RETURN(const auto nodes, ListDirectory(AT_FDCWD, host.nodes));
  for (const DirectoryEntry& entry : nodes) {
    NodeId node;
    if (!ParseNumbered(entry.name, "node", node.value)) continue;
    NL_ASSIGN_OR_RETURN(const auto links, ListDirectory(AT_FDCWD, host.nodes + "/" + entry.name));
    for (const DirectoryEntry& link : links) {
      uint64_t block = 0;
      if (ParseNumbered(link.name, "memory", block) && block < kMaxBlocks) blocks.Add(block, node);
    }
  }
  return blocks;
}

void MemoryBlocks::Add(uint64_t block, NodeId node) {
  if (block >= nodes_.size()) {
    nodes_.resize(block + 1, kUnknown);
    has_several_.resize(block + 1, false);
  }
  if (nodes_[block] != kUnknown && nodes_[block] != node) has_several_[block] = true;
  nodes_[block] = has_several_[block] ? kUnknown : node;
}

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
