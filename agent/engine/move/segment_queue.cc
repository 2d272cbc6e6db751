#include "agent/engine/move/segment_queue.h"

namespace numalocality {

void SegmentQueue::Add(const Segment& segment) {
  MutexLock lock(mutex_);
  by_target_[segment.memory.target].push_back(segment);
}

std::optional<Segment> SegmentQueue::Next() {
  MutexLock lock(mutex_);
  auto best = by_target_.end();
  int64_t most = -1;
  for (auto it = by_target_.begin(); it != by_target_.end(); ++it) {
    // Reading the room reads a file, and with one target there is nothing to choose.
    const int64_t room = by_target_.size() == 1 ? 0 : room_.On(it->first).pages;
    if (room > most) {
      most = room;
      best = it;
    }
  }
  if (best == by_target_.end()) return std::nullopt;
  const Segment segment = best->second.front();
  best->second.pop_front();
  if (best->second.empty()) by_target_.erase(best);
  return segment;
}

}  // namespace numalocality
