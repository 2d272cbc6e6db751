#include "agent/os/pages/scan_pacer.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace numalocality::scan_pacer_test {
namespace {

// A machine where a read takes 10 µs and even the shortest pause takes `pause`.
class Machine final : public Clock {
 public:
  explicit Machine(absl::Duration pause) : pause_(pause) {}

  absl::Time Now() const override { return absl::UnixEpoch() + now_; }
  absl::Duration Monotonic() const override { return now_; }
  void Sleep(absl::Duration) const override {
    now_ += pause_;
    paused_ += pause_;
    longest_stretch_ = std::max(longest_stretch_, stretch_);
    stretch_ = absl::ZeroDuration();
  }

  // Makes reads for `time`.
  void Read(ScanPacer& pacer, absl::Duration time) {
    constexpr absl::Duration kRead = absl::Microseconds(10);
    for (absl::Duration read; read < time; read += kRead) {
      now_ += kRead;
      stretch_ += kRead;
      pacer.AfterRead();
    }
  }

  absl::Duration paused() const { return paused_; }
  absl::Duration longest_stretch() const { return longest_stretch_; }

 private:
  const absl::Duration pause_;
  mutable absl::Duration now_;
  mutable absl::Duration paused_;
  mutable absl::Duration stretch_;  // since the last pause
  mutable absl::Duration longest_stretch_;
};

TEST(ScanPacerTest, AProcessWaitsForItsLockNoLongerThanThis) {
  Machine machine(absl::Microseconds(5));
  ScanPacer pacer(machine);
  machine.Read(pacer, absl::Seconds(1));
  EXPECT_LE(machine.longest_stretch(), absl::Microseconds(130));
  EXPECT_GT(machine.longest_stretch(), absl::ZeroDuration());
}

TEST(ScanPacerTest, PausesTakeATenthOfTheTimeAtMost) {
  Machine machine(absl::Microseconds(100));
  ScanPacer pacer(machine);
  machine.Read(pacer, absl::Seconds(1));
  EXPECT_LE(machine.paused(), absl::Milliseconds(110));
  EXPECT_LE(machine.longest_stretch(), absl::Microseconds(1010));
}

TEST(ScanPacerTest, HoweverDearPausesAreThereAreSome) {
  Machine machine(absl::Milliseconds(100));
  ScanPacer pacer(machine);
  machine.Read(pacer, absl::Seconds(1));
  EXPECT_LE(machine.longest_stretch(), absl::Microseconds(2010));
  EXPECT_GT(machine.longest_stretch(), absl::ZeroDuration());
}

}  // namespace
}  // namespace numalocality::scan_pacer_test
