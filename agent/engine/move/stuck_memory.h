// Notices that nothing of a process's memory moves, because a device or io_uring has pinned it
// (VFIO, RDMA, GPUs). From then on windows are put aside, and only a sample of them is tried, so
// that 100 GiB of such memory cost a hundred kernel calls and not a million.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_STUCK_MEMORY_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_STUCK_MEMORY_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "agent/base/mutex.h"
#include "agent/model/migration_plan.h"

namespace numalocality {

// Of one process; thread-safe.
class StuckMemory {
 public:
  // After this many batches in a row of which no page moved, with this many pages, the process's
  // memory is stuck. Fewer would be caused by single buffers that are pinned.
  static constexpr int kMostStuckBatches = 8;
  static constexpr int64_t kMostStuckPages = 256;

  // Pages of a sample where batches have `batch_pages`. A sample has at least one page of each
  // window, so this is also the number of windows that are put aside: 1 GiB of base pages at most.
  static size_t SampleSize(int batch_pages) {
    return static_cast<size_t>(std::clamp(batch_pages, 16, 64));
  }

  // Records the first attempt at a batch, of which `moved` base pages moved, and `pinned` ones were
  // tried and did not.
  void Record(int64_t moved, int64_t pinned);

  // Whether only samples should be tried. A sample that moves ends it.
  bool IsStuck() const;

  // Puts a window aside. Returns all that were put aside once there are `enough`, else none.
  std::vector<WindowPlan> PutAside(WindowPlan window, size_t enough);
  // Returns all that were put aside.
  std::vector<WindowPlan> TakeAside();

  // Base pages that count as pinned, but were not tried. A block of which only the first page was
  // tried counts as tried: it may be one huge page.
  void CountUntried(int64_t pages);
  int64_t untried_pages() const;

 private:
  mutable Mutex mutex_;
  int stuck_batches_ ABSL_GUARDED_BY(mutex_) = 0;    // in a row
  int64_t stuck_pages_ ABSL_GUARDED_BY(mutex_) = 0;  // of these
  std::vector<WindowPlan> aside_ ABSL_GUARDED_BY(mutex_);
  int64_t untried_pages_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_STUCK_MEMORY_H_
