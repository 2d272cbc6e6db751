// How long to wait before trying again what has failed: 1 s, 2 s, 4 s, ... 60 s, each a little
// less by chance, so that all agents of a cluster do not come at once.
#ifndef NUMALOCALITY_AGENT_BASE_RETRY_DELAY_H_
#define NUMALOCALITY_AGENT_BASE_RETRY_DELAY_H_

#include <random>

#include "absl/time/time.h"

namespace numalocality {

// `longest`, less up to a quarter of it by chance.
absl::Duration WithJitter(absl::Duration longest, std::minstd_rand& random);

// Not thread-safe.
class RetryDelay {
 public:
  static constexpr absl::Duration kFirst = absl::Seconds(1);
  static constexpr absl::Duration kLongest = absl::Seconds(60);

  // The next one; twice the one before.
  absl::Duration Next(std::minstd_rand& random);

  // It did not fail: the next one is the first again.
  void Reset() { next_ = kFirst; }

 private:
  absl::Duration next_ = kFirst;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_BASE_RETRY_DELAY_H_
