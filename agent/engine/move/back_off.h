// Gives way while memory is short: moving pages allocates memory and costs everyone time.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_BACK_OFF_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_BACK_OFF_H_

#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "agent/os/base/host.h"
#include "agent/os/node/pressure.h"

namespace numalocality {

// How long to pause before the next batch. Zero while the workload loses less than 10 % of its
// time to memory, and the machine as a whole does; above that 10 ms for each percent. So pressure
// slows a migration to a batch a second at worst, and never stops it: that is the deadline's
// business. The machine is judged by the time in which nobody got on, since one container that
// thrashes within its own limit is not the machine's trouble. Unknown counts as none. Pure.
absl::Duration PauseFor(const std::optional<MemoryPressure>& workload,
                        const std::optional<MemoryPressure>& machine);

// Thread-safe.
class BackOff {
 public:
  // `cgroup_path` is the workload's cgroup from the cgroup root, "/" first; nullopt if it has none.
  // `clock` outlives this.
  BackOff(const Clock& clock, const Host& host, std::optional<std::string> cgroup_path)
      : clock_(clock), host_(host), cgroup_path_(std::move(cgroup_path)) {}

  // Zero, or how long to pause before the next batch. Reads the pressure at most every 100 ms, and
  // answers what it answered then in between.
  absl::Duration Pause();

 private:
  const Clock& clock_;
  const Host host_;
  const std::optional<std::string> cgroup_path_;
  Mutex mutex_;
  absl::Duration next_reading_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();  // monotonic
  absl::Duration pause_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_BACK_OFF_H_
