#include "agent/cli/progress.h"

#include <gtest/gtest.h>

namespace numalocality::progress_test {
namespace {

constexpr int64_t kMiB = 1 << 20;

TEST(ProgressLineTest, ShowsHowFarAndHowFast) {
  EXPECT_EQ(ProgressLine("RUNNING", 64 * kMiB, 256 * kMiB, 32.0 * kMiB),
            "RUNNING    [#######.......................]  25%   64.0 MiB of 256.0 MiB   "
            "32.0 MiB/s");
}

TEST(ProgressLineTest, HasNoRateBeforeAnythingMoved) {
  EXPECT_EQ(ProgressLine("PENDING", 0, 0, 0),
            "PENDING    [..............................]   0%   0 B of 0 B");
}

// The process may have grown since it was planned.
TEST(ProgressLineTest, NeverPassesTheEnd) {
  EXPECT_EQ(ProgressLine("RUNNING", 300, 200, 0),
            "RUNNING    [##############################] 100%   300 B of 200 B");
}

}  // namespace
}  // namespace numalocality::progress_test
