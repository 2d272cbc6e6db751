// Pauses a migration while memory pressure is high, because moving pages allocates memory and takes
// time from all processes.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_PRESSURE_BACK_OFF_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_PRESSURE_BACK_OFF_H_

#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "agent/os/base/host.h"
#include "agent/os/node/pressure.h"

namespace numalocality {

// How long to pause before the next batch. Zero while both the workload and the machine lose less
// than 10 % of their time to memory pressure; above that 10 ms for each percent. So pressure slows
// a migration down to one batch a second and never stops it: the deadline does that. The machine's
// value is the `full` one, the time in which all processes waited, because one container that
// thrashes within its own limit does not concern the machine. Unknown pressure counts as none.
// Pure.
absl::Duration PauseFor(const std::optional<MemoryPressure>& workload,
                        const std::optional<MemoryPressure>& machine);

// Thread-safe.
class BackOff {
 public:
  // `cgroup_path` is the workload's cgroup from the cgroup root, "/" first; nullopt if it has none.
  // `clock` must outlive this.
  BackOff(const Clock& clock, const Host& host, std::optional<std::string> cgroup_path)
      : clock_(clock), host_(host), cgroup_path_(std::move(cgroup_path)) {}

  // How long to pause before the next batch; may be zero. Reads the pressure at most every 100 ms,
  // and returns the last result in between.
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

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_PRESSURE_BACK_OFF_H_
