#include "agent/engine/move/throttle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <thread>
#include <vector>

#include "tests/unit/fake/fake_clock.h"

namespace numalocality {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

TEST(ThrottleTest, WithoutALimitNobodyWaits) {
  const FakeClock clock;
  Throttle throttle(clock, 0);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(throttle.Take(std::numeric_limits<int64_t>::max()), absl::ZeroDuration());
  }
}

TEST(ThrottleTest, EachBatchWaitsForTheOnesBefore) {
  const FakeClock clock;
  Throttle throttle(clock, 10 * kMiB);
  EXPECT_EQ(throttle.Take(kMiB), absl::ZeroDuration());
  EXPECT_EQ(throttle.Take(2 * kMiB), absl::Milliseconds(100));
  EXPECT_EQ(throttle.Take(kMiB), absl::Milliseconds(300));
  clock.Advance(absl::Milliseconds(250));
  EXPECT_EQ(throttle.Take(kMiB), absl::Milliseconds(150));
}

TEST(ThrottleTest, ALullIsNotFollowedByABurst) {
  const FakeClock clock;
  Throttle throttle(clock, 10 * kMiB);
  throttle.Take(kMiB);
  clock.Advance(absl::Hours(1));
  EXPECT_EQ(throttle.Take(kMiB), absl::ZeroDuration());
  EXPECT_EQ(throttle.Take(kMiB), absl::Milliseconds(100));
}

TEST(ThrottleTest, ThreadsShareIt) {
  const FakeClock clock;
  Throttle throttle(clock, kMiB);
  std::vector<absl::Duration> waits(400);
  std::vector<std::thread> threads;
  for (size_t first = 0; first < 4; ++first) {
    threads.emplace_back([&, first] {
      for (size_t i = first; i < waits.size(); i += 4) waits[i] = throttle.Take(kMiB);
    });
  }
  for (std::thread& thread : threads) thread.join();
  // Each has a turn of its own, a second apart.
  std::sort(waits.begin(), waits.end());
  for (size_t i = 0; i < waits.size(); ++i) EXPECT_EQ(waits[i], absl::Seconds(i));
}

}  // namespace
}  // namespace numalocality
