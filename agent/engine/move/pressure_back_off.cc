#include "agent/engine/move/pressure_back_off.h"

#include <algorithm>

#include "agent/model/migration.h"

namespace numalocality {
namespace {

// A read takes about 20 us, a batch of one page hardly more.
constexpr absl::Duration kReadEvery = absl::Milliseconds(100);

// nullopt if it cannot be read: a migration does not fail because the pressure is unknown.
std::optional<MemoryPressure> Known(const absl::StatusOr<MemoryPressure>& pressure) {
  return pressure.ok() ? std::optional(*pressure) : std::nullopt;
}

}  // namespace

absl::Duration PauseFor(const std::optional<MemoryPressure>& workload,
                        const std::optional<MemoryPressure>& machine) {
  const double lost =
      std::max(workload ? workload->some_fraction : 0.0, machine ? machine->full_fraction : 0.0);
  return lost < kHighPressure ? absl::ZeroDuration() : absl::Seconds(lost);
}

absl::Duration BackOff::Pause() {
  const absl::Duration now = clock_.Monotonic();
  MutexLock lock(mutex_);
  if (now < next_reading_) return pause_;
  next_reading_ = now + kReadEvery;
  pause_ = PauseFor(cgroup_path_ ? Known(ReadCgroupPressure(host_, *cgroup_path_)) : std::nullopt,
                    Known(ReadMachinePressure(host_)));
  return pause_;
}

}  // namespace numalocality
