#include "agent/base/retry_delay.h"

#include <algorithm>

namespace numalocality {

absl::Duration WithJitter(absl::Duration longest, std::minstd_rand& random) {
  return longest * std::uniform_real_distribution<double>(0.75, 1.0)(random);
}

absl::Duration RetryDelay::Next(std::minstd_rand& random) {
  const absl::Duration delay = WithJitter(next_, random);
  next_ = std::min(2 * next_, kLongest);
  return delay;
}

}  // namespace numalocality
