#include "agent/engine/move/bandwidth_limit.h"

#include <algorithm>

namespace numalocality {

void BandwidthLimit::SetRate(int64_t bytes_per_second) {
  MutexLock lock(mutex_);
  bytes_per_second_ = bytes_per_second;
}

absl::Duration BandwidthLimit::Take(int64_t bytes) {
  MutexLock lock(mutex_);
  if (bytes_per_second_ == 0) return absl::ZeroDuration();
  const absl::Duration time =
      absl::Seconds(static_cast<double>(bytes) / static_cast<double>(bytes_per_second_));
  const absl::Duration now = clock_.Monotonic();
  const absl::Duration start = std::max(now, free_at_);
  free_at_ = start + time;
  return start - now;
}

}  // namespace numalocality
