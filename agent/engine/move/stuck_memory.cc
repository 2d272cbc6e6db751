#include "agent/engine/move/stuck_memory.h"

#include <algorithm>

namespace numalocality {

void StuckMemory::Record(int64_t moved, int64_t pinned) {
  MutexLock lock(mutex_);
  if (moved > 0) {
    stuck_batches_ = 0;
    stuck_pages_ = 0;
    to_pass_ = passed_ = 0;
  } else if (pinned > 0) {
    // Pages that are absent, shared or cannot be isolated at the moment say nothing.
    ++stuck_batches_;
    stuck_pages_ += pinned;
  }
}

bool StuckMemory::IsStuck() const {
  MutexLock lock(mutex_);
  return IsStuckNow();
}

bool StuckMemory::TriesNextWindow() {
  MutexLock lock(mutex_);
  if (!IsStuckNow()) return true;
  if (to_pass_ > 0) {
    --to_pass_;
    return false;
  }
  passed_ = std::clamp(2 * passed_, int64_t{1}, kMostPassed);
  to_pass_ = passed_;
  return true;
}

}  // namespace numalocality
