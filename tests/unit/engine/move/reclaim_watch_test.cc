#include "agent/engine/move/reclaim_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/fake/fake_machine.h"

namespace numalocality::reclaim_watch_test {
namespace {

using ::testing::HasSubstr;

class ReclaimWatchTest : public ::testing::Test {
 protected:
  ReclaimWatchTest() { machine_.WriteReclaimCounters(0, 0); }

  // Asks until the watch has seen the machine for long enough.
  void Begin() {
    const ReclaimWatch::Answer first = watch_.MayTake(kAhead);
    EXPECT_EQ(first.pause, ReclaimWatch::kWatchFor);
    machine_.clock().Advance(first.pause);
    EXPECT_EQ(watch_.MayTake(kAhead).pause, absl::ZeroDuration());
  }

  static constexpr int64_t kAhead = 1000;
  FakeMachine machine_;
  ReclaimWatch watch_{machine_.clock(), machine_.host()};
};

TEST_F(ReclaimWatchTest, WatchesTheMachineBeforeTheFirstBatch) {
  EXPECT_EQ(watch_.MayTake(kAhead).pause, absl::Seconds(1));
  machine_.clock().Advance(absl::Milliseconds(300));
  EXPECT_EQ(watch_.MayTake(kAhead).pause, absl::Milliseconds(700)) << "another worker asks";
  machine_.clock().Advance(absl::Milliseconds(700));
  EXPECT_EQ(watch_.MayTake(kAhead).pause, absl::ZeroDuration());
}

TEST_F(ReclaimWatchTest, HarmEndsItForGood) {
  Begin();
  watch_.Took(1000);
  machine_.WriteReclaimCounters(300, 1000);
  machine_.clock().Advance(absl::Milliseconds(99));
  EXPECT_EQ(watch_.MayTake(kAhead).harm, "") << "the counters are read every 100 ms";
  machine_.clock().Advance(absl::Milliseconds(1));
  EXPECT_THAT(watch_.MayTake(kAhead).harm, HasSubstr("300 pages of page cache were read again"));
  EXPECT_EQ(watch_.refaulted_pages(), 300);
  machine_.WriteReclaimCounters(0, 0);
  machine_.clock().Advance(absl::Seconds(1));
  EXPECT_THAT(watch_.MayTake(kAhead).harm, HasSubstr("300 pages"));
}

TEST_F(ReclaimWatchTest, WhatOthersDidBeforeIsNoHarm) {
  EXPECT_EQ(watch_.MayTake(kAhead).pause, absl::Seconds(1));
  machine_.clock().Advance(absl::Seconds(1));
  machine_.WriteReclaimCounters(500, 500);
  EXPECT_EQ(watch_.MayTake(kAhead).harm, "");
  machine_.clock().Advance(absl::Seconds(1));
  machine_.WriteReclaimCounters(1000, 1000);
  EXPECT_EQ(watch_.MayTake(kAhead).harm, "");
}

}  // namespace
}  // namespace numalocality::reclaim_watch_test
