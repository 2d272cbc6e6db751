#include "agent/engine/move/stuck_memory.h"

#include <utility>

namespace numalocality {

void StuckMemory::Record(int64_t moved, int64_t pinned) {
  MutexLock lock(mutex_);
  if (moved > 0) {
    stuck_batches_ = 0;
    stuck_pages_ = 0;
  } else if (pinned > 0) {
    // Pages that are absent, shared or cannot be isolated at the moment say nothing.
    ++stuck_batches_;
    stuck_pages_ += pinned;
  }
}

bool StuckMemory::IsStuck() const {
  MutexLock lock(mutex_);
  return stuck_batches_ >= kMostStuckBatches && stuck_pages_ >= kMostStuckPages;
}

std::vector<WindowPlan> StuckMemory::PutAside(WindowPlan window, size_t enough) {
  MutexLock lock(mutex_);
  aside_.push_back(std::move(window));
  return aside_.size() < enough ? std::vector<WindowPlan>() : std::exchange(aside_, {});
}

std::vector<WindowPlan> StuckMemory::TakeAside() {
  MutexLock lock(mutex_);
  return std::exchange(aside_, {});
}

void StuckMemory::CountUntried(int64_t pages) {
  MutexLock lock(mutex_);
  untried_pages_ += pages;
}

int64_t StuckMemory::untried_pages() const {
  MutexLock lock(mutex_);
  return untried_pages_;
}

}  // namespace numalocality
