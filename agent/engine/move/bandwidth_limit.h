// A limit on how fast memory is moved, shared by all threads that move it.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_BANDWIDTH_LIMIT_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_BANDWIDTH_LIMIT_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"

namespace numalocality {

// Thread-safe. Time in which nothing was taken is not saved up: the rate holds from each batch to
// the next, so a lull is never followed by a burst.
class BandwidthLimit {
 public:
  // `bytes_per_second` 0: no limit. `clock` outlives this.
  BandwidthLimit(const Clock& clock, int64_t bytes_per_second)
      : clock_(clock), bytes_per_second_(bytes_per_second) {}

  // From the next bytes on.
  void SetRate(int64_t bytes_per_second);

  // Takes `bytes` and returns how long to sleep before moving them; zero for the first.
  absl::Duration Take(int64_t bytes);

 private:
  const Clock& clock_;
  Mutex mutex_;
  int64_t bytes_per_second_ ABSL_GUARDED_BY(mutex_);
  absl::Duration free_at_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();  // monotonic
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_BANDWIDTH_LIMIT_H_
