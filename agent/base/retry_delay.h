// The delay before a failed call is repeated: 1 s, 2 s, 4 s, ... 60 s, each reduced by a random
// part (jitter), so that the agents of a cluster do not all call at once.
#ifndef NUMALOCALITY_AGENT_BASE_RETRY_DELAY_H_
#define NUMALOCALITY_AGENT_BASE_RETRY_DELAY_H_

#include <random>

#include "absl/time/time.h"

namespace numalocality {

// `longest`, reduced by a random part of up to a quarter.
absl::Duration WithJitter(absl::Duration longest, std::minstd_rand& random);

// Not thread-safe.
class RetryDelay {
 public:
  static constexpr absl::Duration kFirst = absl::Seconds(1);
  static constexpr absl::Duration kLongest = absl::Seconds(60);

  // The next delay, twice the previous one.
  absl::Duration Next(std::minstd_rand& random);

  // Call after success: the next delay is kFirst again.
  void Reset() { next_ = kFirst; }

 private:
  absl::Duration next_ = kFirst;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_BASE_RETRY_DELAY_H_
