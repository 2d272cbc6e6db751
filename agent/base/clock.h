// Time as a dependency, so that tests decide what time it is.
#ifndef NUMALOCALITY_AGENT_BASE_CLOCK_H_
#define NUMALOCALITY_AGENT_BASE_CLOCK_H_

#include "absl/time/time.h"

namespace numalocality {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // Wall clock, for records that people read. May jump.
  virtual absl::Time Now() const = 0;

  // Time since an arbitrary fixed point; never jumps. For deadlines and durations.
  virtual absl::Duration Monotonic() const = 0;

  // Blocks the calling thread.
  virtual void Sleep(absl::Duration duration) const = 0;

  // The machine's clocks.
  static const Clock& System();
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_BASE_CLOCK_H_
