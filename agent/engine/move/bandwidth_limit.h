// A limit on the bytes per second that are moved, shared by all threads that move memory.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_BANDWIDTH_LIMIT_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_BANDWIDTH_LIMIT_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"

namespace numalocality {

// Thread-safe. Unused time is not saved up: the rate holds from each batch to the next, so that no
// burst follows a quiet time.
class BandwidthLimit {
 public:
  // `bytes_per_second` 0: no limit. `clock` must outlive this.
  BandwidthLimit(const Clock& clock, int64_t bytes_per_second)
      : clock_(clock), bytes_per_second_(bytes_per_second) {}

  // Changes the rate for all later calls of Take.
  void SetRate(int64_t bytes_per_second);

  // Takes `bytes` and returns how long the caller must sleep before it moves them; zero for the
  // first.
  absl::Duration Take(int64_t bytes);

 private:
  const Clock& clock_;
  Mutex mutex_;
  int64_t bytes_per_second_ ABSL_GUARDED_BY(mutex_);
  absl::Duration free_at_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();  // monotonic
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_BANDWIDTH_LIMIT_H_
