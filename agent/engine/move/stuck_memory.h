// Notices that nothing of the memory of a process, or of a workload, moves, because a device or
// io_uring has pinned it (VFIO, RDMA, GPUs). From then on windows are put aside, and only a sample
// of them is tried: 100 GiB of such memory, or a little in each of 5,000 processes, cost a few
// hundred kernel calls and not a million.
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

// Batches in a row of which no page moved.
class StuckStreak {
 public:
  // After this many batches, with this many pages, memory is stuck. Fewer would be caused by single
  // buffers that are pinned.
  static constexpr int kMostBatches = 8;
  static constexpr int64_t kMostPages = 256;

  // Records the first attempt at a batch, of which `moved` base pages moved, and `pinned` ones were
  // tried and did not.
  void Record(int64_t moved, int64_t pinned);

  bool IsStuck() const { return batches_ >= kMostBatches && pages_ >= kMostPages; }

 private:
  int batches_ = 0;
  int64_t pages_ = 0;
};

// Of all processes of a workload together; thread-safe.
class StuckWorkload {
 public:
  // A stuck workload has so many of its processes sampled, and then each 32nd.
  static constexpr int kMostSamples = 128;
  static constexpr int kProcessesPerSample = 32;

  void Record(int64_t moved, int64_t pinned);
  bool IsStuck() const;

  // Whether a process, of which nothing was tried yet, is sampled.
  bool TakesSample();

 private:
  mutable Mutex mutex_;
  StuckStreak streak_ ABSL_GUARDED_BY(mutex_);
  int asked_ ABSL_GUARDED_BY(mutex_) = 0;  // for samples, since the last page moved
};

// Of one process; thread-safe.
class StuckMemory {
 public:
  // `workload` must outlive this.
  explicit StuckMemory(StuckWorkload& workload) : workload_(workload) {}

  // Pages of a sample where batches have `batch_pages`. A sample has at least one page of each
  // window, so this is also the number of windows that are put aside: 1 GiB of base pages at most.
  static size_t SampleSize(int batch_pages) {
    return static_cast<size_t>(std::clamp(batch_pages, 16, 64));
  }

  // As StuckStreak::Record.
  void Record(int64_t moved, int64_t pinned);

  // Whether only samples should be tried. A sample that moves ends it.
  bool IsStuck() const;

  // Puts a window aside. Returns all that were put aside once there are `enough`, else none.
  std::vector<WindowPlan> PutAside(WindowPlan window, size_t enough);
  // Returns all that were put aside.
  std::vector<WindowPlan> TakeAside();
  // Whether the process's last windows, that TakeAside returns, are sampled.
  bool TakesSample() { return workload_.TakesSample(); }

  // Base pages that count as pinned, but were not tried. A block of which only the first page was
  // tried counts as tried: it may be one huge page.
  void CountUntried(int64_t pages);
  int64_t untried_pages() const;

 private:
  StuckWorkload& workload_;
  mutable Mutex mutex_;
  StuckStreak streak_ ABSL_GUARDED_BY(mutex_);
  std::vector<WindowPlan> aside_ ABSL_GUARDED_BY(mutex_);
  int64_t untried_pages_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_STUCK_MEMORY_H_
