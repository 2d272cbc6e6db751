#include "agent/engine/move/bandwidth_limit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <thread>
#include <vector>

#include "tests/unit/fake/fake_clock.h"

namespace numalocality::bandwidth_limit_test {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

TEST(BandwidthLimitTest, WithoutALimitNobodyWaits) {
  const FakeClock clock;
  BandwidthLimit bandwidth(clock, 0);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(bandwidth.Take(std::numeric_limits<int64_t>::max()), absl::ZeroDuration());
  }
}

TEST(BandwidthLimitTest, EachBatchWaitsForTheOnesBefore) {
  const FakeClock clock;
  BandwidthLimit bandwidth(clock, 10 * kMiB);
  EXPECT_EQ(bandwidth.Take(kMiB), absl::ZeroDuration());
  EXPECT_EQ(bandwidth.Take(2 * kMiB), absl::Milliseconds(100));
  EXPECT_EQ(bandwidth.Take(kMiB), absl::Milliseconds(300));
  clock.Advance(absl::Milliseconds(250));
  EXPECT_EQ(bandwidth.Take(kMiB), absl::Milliseconds(150));
}

TEST(BandwidthLimitTest, ALullIsNotFollowedByABurst) {
  const FakeClock clock;
  BandwidthLimit bandwidth(clock, 10 * kMiB);
  bandwidth.Take(kMiB);
  clock.Advance(absl::Hours(1));
  EXPECT_EQ(bandwidth.Take(kMiB), absl::ZeroDuration());
  EXPECT_EQ(bandwidth.Take(kMiB), absl::Milliseconds(100));
}

TEST(BandwidthLimitTest, ThreadsShareIt) {
  const FakeClock clock;
  BandwidthLimit bandwidth(clock, kMiB);
  std::vector<absl::Duration> waits(400);
  std::vector<std::thread> threads;
  for (size_t first = 0; first < 4; ++first) {
    threads.emplace_back([&, first] {
      for (size_t i = first; i < waits.size(); i += 4) waits[i] = bandwidth.Take(kMiB);
    });
  }
  for (std::thread& thread : threads) thread.join();
  // Each has a separate turn, one second apart.
  std::sort(waits.begin(), waits.end());
  for (size_t i = 0; i < waits.size(); ++i) EXPECT_EQ(waits[i], absl::Seconds(i));
}

}  // namespace
}  // namespace numalocality::bandwidth_limit_test
