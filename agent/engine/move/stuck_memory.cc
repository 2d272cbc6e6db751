#include "agent/engine/move/stuck_memory.h"

#include <utility>

namespace numalocality {

void StuckStreak::Record(int64_t moved, int64_t pinned) {
  if (moved > 0) {
    batches_ = 0;
    pages_ = 0;
  } else if (pinned > 0) {
    // Pages that are absent, shared or cannot be isolated at the moment say nothing.
    ++batches_;
    pages_ += pinned;
  }
}

void StuckWorkload::Record(int64_t moved, int64_t pinned) {
  MutexLock lock(mutex_);
  streak_.Record(moved, pinned);
  if (moved > 0) asked_ = 0;
}

bool StuckWorkload::IsStuck() const {
  MutexLock lock(mutex_);
  return streak_.IsStuck();
}

bool StuckWorkload::TakesSample() {
  MutexLock lock(mutex_);
  if (!streak_.IsStuck()) return true;
  ++asked_;
  return asked_ <= kMostSamples || asked_ % kProcessesPerSample == 0;
}

void StuckMemory::Record(int64_t moved, int64_t pinned) {
  workload_.Record(moved, pinned);
  MutexLock lock(mutex_);
  streak_.Record(moved, pinned);
}

bool StuckMemory::IsStuck() const {
  if (workload_.IsStuck()) return true;
  MutexLock lock(mutex_);
  return streak_.IsStuck();
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
