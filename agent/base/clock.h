// Time as an interface, so that tests can control it. In all code an absl::Time is wall time; a
// point in time that decisions compare is an absl::Duration, of the monotonic clock.
#ifndef NUMALOCALITY_AGENT_BASE_CLOCK_H_
#define NUMALOCALITY_AGENT_BASE_CLOCK_H_

#include <algorithm>

#include "absl/time/time.h"

namespace numalocality {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // The wall clock, for times that people read and that files keep. May jump.
  virtual absl::Time Now() const = 0;

  // The time since an arbitrary fixed point. Never jumps. For everything that measures a span.
  virtual absl::Duration Monotonic() const = 0;

  // A point of the monotonic clock as wall time, as the wall clock is set now.
  absl::Time WallTimeAt(absl::Duration monotonic) const {
    return Now() + (monotonic - Monotonic());
  }

  // A past point of wall time, from a file, on the monotonic clock. Now if the wall clock has been
  // set back to before it.
  absl::Duration MonotonicAt(absl::Time past) const {
    return Monotonic() - std::max(Now() - past, absl::ZeroDuration());
  }

  // Blocks the calling thread.
  virtual void Sleep(absl::Duration duration) const = 0;

  // The machine's clocks.
  static const Clock& System();
};

// CPU time of the calling thread.
absl::Duration ThreadCpuTime();

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_BASE_CLOCK_H_
