// What localityctl does when it loses an agent: it says so, waits, and tries again for a while.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_RECONNECT_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_RECONNECT_H_

#include <optional>
#include <random>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/retry_delay.h"

namespace numalocality::localityctl {

// How long watches wait for their agent: a machine may be restarting.
inline constexpr absl::Duration kWatchPatience = absl::Minutes(10);

// Not thread-safe.
class Reconnect {
 public:
  // The longest pause between attempts. An agent that was restarted is noticed within it.
  static constexpr absl::Duration kLongestPause = absl::Seconds(10);

  // Gives up after an agent has been out of reach for `patience`.
  Reconnect(const Clock& clock, absl::Duration patience) : clock_(clock), patience_(patience) {}

  // The agent can be reached. Says so if it could not before.
  void Reached();

  // Call with each failure. Waits, and returns true if another attempt makes sense: the agent could
  // be reached earlier, the error may pass (UNAVAILABLE; for streams also CANCELLED and INTERNAL,
  // with which agents and proxies end them), and the patience is not used up. The first failure
  // after Reached is printed on standard error.
  bool WaitAfter(const absl::Status& failure);

 private:
  const Clock& clock_;
  absl::Duration patience_;
  bool was_reached_ = false;
  std::optional<absl::Duration> lost_since_;
  RetryDelay delay_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_RECONNECT_H_
