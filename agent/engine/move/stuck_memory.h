// Notices that nothing of a process's memory moves, because a device or io_uring has pinned it
// (VFIO, RDMA, GPUs): from then on only samples are tried, so that 100 GiB of such memory cost a
// hundred kernel calls and not a million.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_STUCK_MEMORY_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_STUCK_MEMORY_H_

#include <cstddef>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "agent/base/mutex.h"

namespace numalocality {

// Of one process; thread-safe.
class StuckMemory {
 public:
  // After this many batches in a row of which no page moved, the process's memory is stuck. Fewer
  // would be caused by single buffers that are pinned.
  static constexpr int kMostStuckBatches = 8;
  // Pages of a sample.
  static constexpr size_t kSamplePages = 64;
  // Most windows that are passed over between two samples: 1 GiB of base pages.
  static constexpr int64_t kMostPassed = 64;

  // Records a batch of which `moved` pages moved, and `pinned` pages were tried and did not.
  void Record(int64_t moved, int64_t pinned);

  // Whether only samples should be tried. A sample that moves ends it.
  bool IsStuck() const;

  // Call once for each window. Whether to try it, at least by a sample: while the memory is stuck,
  // more and more windows are passed over between two samples, as many as were stuck before.
  bool TriesNextWindow();

 private:
  mutable Mutex mutex_;
  int stuck_batches_ ABSL_GUARDED_BY(mutex_) = 0;  // in a row
  int64_t to_pass_ ABSL_GUARDED_BY(mutex_) = 0;    // windows before the next sample
  int64_t passed_ ABSL_GUARDED_BY(mutex_) = 0;     // windows between the last two samples
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_STUCK_MEMORY_H_
