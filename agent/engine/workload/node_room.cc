#include "agent/engine/workload/node_room.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"

namespace numalocality {
namespace {

// The value of a node that may have gone between two readings of the topology.
template <typename Value>
Value ValueOf(const std::map<NodeId, Value>& values, NodeId node) {
  const auto found = values.find(node);
  return found == values.end() ? Value() : found->second;
}

}  // namespace

absl::Status NodeRoom::Read(const RoomLimits& limits) {
  NL_ASSIGN_OR_RETURN(watermarks_, reader_.ReadWatermarks());
  reserve_ = ReserveBytes(topology_, limits.reserve, watermarks_);
  reclaim_cache_ = limits.reclaim_cache;
  for (const NodeId node : topology_.MemoryNodes()) {
    const auto memory = reader_.ReadMemory(node);
    if (memory.ok()) cache_before_[node] = memory->clean_cache;
  }
  return absl::OkStatus();
}

bool NodeRoom::IsGone(NodeId node) const {
  const auto nodes = reader_.ReadMemoryNodes();
  return nodes.ok() && !nodes->Contains(node);
}

absl::StatusOr<RoomCount> NodeRoom::CountLocked(NodeId node) const {
  NL_ASSIGN_OR_RETURN(const NodeMemory memory, reader_.ReadMemory(node));
  RoomCount count = CountRoom(memory.free, ValueOf(reserve_, node), reclaim_cache_,
                              memory.clean_cache, ValueOf(cache_before_, node));
  if (!why_no_cache_.empty()) count.cache = 0;
  return count;
}

absl::StatusOr<RoomCount> NodeRoom::Count(NodeId node) const {
  MutexLock lock(mutex_);
  return CountLocked(node);
}

NodeRoom::Room NodeRoom::RoomOf(NodeId node, const RoomCount& count) const {
  const int64_t claimed = ValueOf(claimed_pages_, node);
  const auto unclaimed = [&](int64_t bytes) {
    return std::max(int64_t{0}, bytes / topology_.page_bytes - claimed);
  };
  return {unclaimed(count.Bytes()), unclaimed(count.free - count.reserve), claimed > 0};
}

NodeRoom::Room NodeRoom::On(NodeId node) const {
  MutexLock lock(mutex_);
  if (full_nodes_.Contains(node)) return {};
  return RoomOf(node, CountLocked(node).value_or(RoomCount()));
}

NodeRoom::Room NodeRoom::ClaimUpTo(NodeId node, int64_t pages, int64_t at_least) {
  MutexLock lock(mutex_);
  if (full_nodes_.Contains(node)) return {};
  const RoomCount count = CountLocked(node).value_or(RoomCount());
  Room room = RoomOf(node, count);
  room.pages = std::min(room.pages, pages);
  if (room.pages > room.free_pages) {
    const int64_t above_min = (count.free - ValueOf(watermarks_, node).min) / topology_.page_bytes -
                              ValueOf(claimed_pages_, node);
    const int64_t at_once = std::max({at_least, room.free_pages, above_min});
    room.must_wait = at_once < room.pages;
    room.pages = std::min(room.pages, at_once);
  }
  claimed_pages_[node] += room.pages;
  return room;
}

void NodeRoom::Release(NodeId node, int64_t pages) {
  MutexLock lock(mutex_);
  claimed_pages_[node] -= pages;
}

void NodeRoom::MarkFull(NodeId node) {
  MutexLock lock(mutex_);
  full_nodes_.Insert(node);
}

NodeSet NodeRoom::FullNodes() const {
  MutexLock lock(mutex_);
  return full_nodes_;
}

void NodeRoom::LeaveCache(std::string why) {
  MutexLock lock(mutex_);
  if (why_no_cache_.empty()) why_no_cache_ = std::move(why);
}

std::string NodeRoom::Describe(NodeId node) const {
  MutexLock lock(mutex_);
  const auto count = CountLocked(node);
  if (!count.ok()) return std::string(count.status().message());
  if (why_no_cache_.empty()) return RoomWords(node, *count);
  RoomCount without_cache = *count;
  without_cache.clean_cache = 0;
  return absl::StrCat(RoomWords(node, without_cache), "; no more page cache is taken, because ",
                      why_no_cache_);
}

int64_t NodeRoom::AheadPages() const {
  int64_t bytes = 0;
  for (const auto& [node, marks] : watermarks_) bytes += marks.high;
  return bytes / topology_.page_bytes;
}

}  // namespace numalocality
