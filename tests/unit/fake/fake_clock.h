// A clock that only Sleep and Advance move. Its wall time can be set.
#ifndef NUMALOCALITY_TESTS_UNIT_FAKE_FAKE_CLOCK_H_
#define NUMALOCALITY_TESTS_UNIT_FAKE_FAKE_CLOCK_H_

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"
#include "agent/base/clock.h"

namespace numalocality {

// Thread-safe. Sleeping passes the time at once.
class FakeClock final : public Clock {
 public:
  absl::Time Now() const override {
    return absl::FromUnixSeconds(1'700'000'000) + absl::Nanoseconds(wall_offset_.load()) +
           Monotonic();
  }
  absl::Duration Monotonic() const override { return absl::Nanoseconds(nanoseconds_.load()); }
  void Sleep(absl::Duration duration) const override {
    slept_nanoseconds_ += absl::ToInt64Nanoseconds(duration);
    Advance(duration);
  }

  void Advance(absl::Duration duration) const {
    nanoseconds_ += absl::ToInt64Nanoseconds(duration);
  }
  // Sets the wall clock, as an administrator or NTP does: only Now() jumps.
  void StepWall(absl::Duration step) const { wall_offset_ += absl::ToInt64Nanoseconds(step); }

  absl::Duration slept() const { return absl::Nanoseconds(slept_nanoseconds_.load()); }

 private:
  mutable std::atomic<int64_t> nanoseconds_ = 0;
  mutable std::atomic<int64_t> slept_nanoseconds_ = 0;
  mutable std::atomic<int64_t> wall_offset_ = 0;  // in nanoseconds
};

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_UNIT_FAKE_FAKE_CLOCK_H_
