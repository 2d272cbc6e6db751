#include "agent/base/clock.h"

#include <gtest/gtest.h>

namespace numalocality::clock_test {
namespace {

TEST(SystemClockTest, MonotonicTimePassesWhileSleeping) {
  const Clock& clock = Clock::System();
  const absl::Duration before = clock.Monotonic();
  clock.Sleep(absl::Milliseconds(2));
  EXPECT_GE(clock.Monotonic() - before, absl::Milliseconds(2));
  EXPECT_GT(clock.Now(), absl::FromUnixSeconds(1'600'000'000));
}

}  // namespace
}  // namespace numalocality::clock_test
