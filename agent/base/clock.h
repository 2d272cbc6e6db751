// Time as an interface, so that tests can control it.
#ifndef NUMALOCALITY_AGENT_BASE_CLOCK_H_
#define NUMALOCALITY_AGENT_BASE_CLOCK_H_

#include "absl/time/time.h"

namespace numalocality {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // The wall clock, for times that people read. May jump.
  virtual absl::Time Now() const = 0;

  // The time since an arbitrary fixed point. Never jumps. For deadlines and durations.
  virtual absl::Duration Monotonic() const = 0;

  // Blocks the calling thread.
  virtual void Sleep(absl::Duration duration) const = 0;

  // The machine's clocks.
  static const Clock& System();
};

// CPU time of the calling thread.
absl::Duration ThreadCpuTime();

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_BASE_CLOCK_H_
