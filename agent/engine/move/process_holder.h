// Holds a process still, on a thread of its own: the kernel ties a hold to the thread that made it,
// and with the end of that thread releases what the hold itself could not release.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_PROCESS_HOLDER_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_PROCESS_HOLDER_H_

#include <sys/types.h>

#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/base/mutex.h"
#include "agent/os/base/kernel_calls.h"

namespace numalocality {

class ProcessHolder {
 public:
  // Tries to hold the process, for `longest` at most. Other arguments, and the errors that
  // `status` returns, as KernelCalls::HoldProcess.
  ProcessHolder(KernelCalls& kernel, pid_t pid, int max_threads, absl::Duration timeout,
                absl::Duration longest);
  ~ProcessHolder() { Release(); }
  ProcessHolder(const ProcessHolder&) = delete;
  ProcessHolder& operator=(const ProcessHolder&) = delete;

  absl::Status status() const;
  bool is_held() const;
  // Returns when the process is released; true if it was held until now.
  bool Release();

 private:
  void Run(KernelCalls& kernel, pid_t pid, int max_threads, absl::Duration timeout,
           absl::Duration longest);

  mutable Mutex mutex_;
  ConditionVariable changed_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  bool was_tried_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_held_ ABSL_GUARDED_BY(mutex_) = false;
  bool must_release_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_PROCESS_HOLDER_H_
