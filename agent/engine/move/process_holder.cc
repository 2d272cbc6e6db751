#include "agent/engine/move/process_holder.h"

#include <memory>

#include "absl/status/statusor.h"
#include "agent/base/clock.h"

namespace numalocality {

ProcessHolder::ProcessHolder(KernelCalls& kernel, pid_t pid, int max_threads,
                             absl::Duration timeout, absl::Duration longest)
    : thread_([&kernel, pid, max_threads, timeout, longest, this] {
        Run(kernel, pid, max_threads, timeout, longest);
      }) {
  MutexLock lock(mutex_);
  while (!was_tried_) changed_.Wait(mutex_);
}

void ProcessHolder::Run(KernelCalls& kernel, pid_t pid, int max_threads, absl::Duration timeout,
                        absl::Duration longest) {
  absl::StatusOr<std::unique_ptr<ProcessHold>> hold = kernel.HoldProcess(pid, max_threads, timeout);
  const absl::Duration end = Clock::System().Monotonic() + longest;
  MutexLock lock(mutex_);
  status_ = hold.status();
  is_held_ = hold.ok();
  was_tried_ = true;
  changed_.NotifyAll();
  while (is_held_ && !must_release_) {
    const absl::Duration left = end - Clock::System().Monotonic();
    if (left <= absl::ZeroDuration()) is_held_ = false;
    if (is_held_) changed_.WaitFor(mutex_, left);
  }
}

absl::Status ProcessHolder::status() const {
  MutexLock lock(mutex_);
  return status_;
}

bool ProcessHolder::is_held() const {
  MutexLock lock(mutex_);
  return is_held_;
}

bool ProcessHolder::Release() {
  bool was_held = false;
  {
    MutexLock lock(mutex_);
    was_held = is_held_;
    is_held_ = false;
    must_release_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
  return was_held;
}

}  // namespace numalocality
