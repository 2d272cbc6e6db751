#include "agent/base/retry_delay.h"

#include <gtest/gtest.h>

namespace numalocality::retry_delay_test {
namespace {

TEST(RetryDelayTest, DoublesUpToAMinute) {
  std::minstd_rand random(1);
  RetryDelay delay;
  for (const int seconds : {1, 2, 4, 8, 16, 32, 60, 60, 60}) {
    const absl::Duration next = delay.Next(random);
    EXPECT_LE(next, absl::Seconds(seconds));
    EXPECT_GE(next, absl::Seconds(seconds) * 0.75);
  }
  delay.Reset();
  EXPECT_LE(delay.Next(random), absl::Seconds(1));
}

TEST(RetryDelayTest, DiffersByChance) {
  std::minstd_rand random(1);
  EXPECT_NE(WithJitter(absl::Seconds(10), random), WithJitter(absl::Seconds(10), random));
}

}  // namespace
}  // namespace numalocality::retry_delay_test
