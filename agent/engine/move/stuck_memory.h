// Notices that nothing of a process's memory moves, because a device or io_uring has pinned it
// (VFIO, RDMA, GPUs): from then on only samples are tried, so that 100 GiB of such memory cost a
// hundred kernel calls and not a million.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_STUCK_MEMORY_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_STUCK_MEMORY_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "agent/base/mutex.h"

namespace numalocality {

// Of one process; thread-safe.
class StuckMemory {
 public:
  // After this many batches in a row of which no page moved, with this many pages, the process's
  // memory is stuck. Fewer would be caused by single buffers that are pinned.
  static constexpr int kMostStuckBatches = 8;
  static constexpr int64_t kMostStuckPages = 256;
  // Pages of a sample, which has as many as the batches before.
  static constexpr int kLeastSample = 4;
  static constexpr int kMostSample = 64;
  // Most windows that are passed over between two samples: 1 GiB of base pages.
  static constexpr int64_t kMostPassed = 64;

  // Records the first attempt at a batch, of which `moved` base pages moved, and `pinned` ones were
  // tried and did not.
  void Record(int64_t moved, int64_t pinned);

  // Whether only samples should be tried. A sample that moves ends it.
  bool IsStuck() const;

  // Call once for each window. Whether to try it, at least by a sample: while the memory is stuck,
  // more and more windows are passed over between two samples, as many as were stuck before.
  bool TriesNextWindow();

 private:
  bool IsStuckNow() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stuck_batches_ >= kMostStuckBatches && stuck_pages_ >= kMostStuckPages;
  }

  mutable Mutex mutex_;
  int stuck_batches_ ABSL_GUARDED_BY(mutex_) = 0;    // in a row
  int64_t stuck_pages_ ABSL_GUARDED_BY(mutex_) = 0;  // of these
  int64_t to_pass_ ABSL_GUARDED_BY(mutex_) = 0;      // windows before the next sample
  int64_t passed_ ABSL_GUARDED_BY(mutex_) = 0;       // windows between the last two samples
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_STUCK_MEMORY_H_
