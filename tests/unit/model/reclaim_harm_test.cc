#include "agent/model/reclaim_harm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace numalocality::reclaim_harm_test {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kTaken = 10'000;
constexpr int64_t kAhead = 5'000;

// One second before the first page cache was taken, and ten seconds of taking it.
ReclaimReadings Quiet() {
  ReclaimReadings readings;
  readings.before.time = absl::Seconds(100);
  readings.start.time = absl::Seconds(101);
  readings.now.time = absl::Seconds(111);
  readings.now.reclaimed_pages = kTaken;
  return readings;
}

std::string Harm(const ReclaimReadings& readings) {
  return HarmOfReclaim(readings, kTaken, kAhead);
}

TEST(HarmOfReclaimTest, WhatWasTakenIsNoHarm) { EXPECT_EQ(Harm(Quiet()), ""); }

TEST(HarmOfReclaimTest, AtTheStartNothingHasHappened) {
  ReclaimReadings readings = Quiet();
  readings.now = readings.start;
  EXPECT_EQ(HarmOfReclaim(readings, 0, 0), "");
}

TEST(HarmOfReclaimTest, ATenthMayBeReadAgain) {
  ReclaimReadings readings = Quiet();
  readings.now.refaulted_pages = kTaken / 10;
  EXPECT_EQ(Harm(readings), "");
  ++readings.now.refaulted_pages;
  EXPECT_EQ(Harm(readings), "1001 pages of page cache were read again after 10000 had been taken");
}

TEST(HarmOfReclaimTest, FewRefaultsProveNothing) {
  ReclaimReadings readings = Quiet();
  readings.now.refaulted_pages = kAllowedPages;
  EXPECT_EQ(HarmOfReclaim(readings, 100, kAhead + kTaken), "");
  ++readings.now.refaulted_pages;
  EXPECT_THAT(HarmOfReclaim(readings, 100, kAhead + kTaken), HasSubstr("read again"));
}

TEST(HarmOfReclaimTest, WhatHappenedBeforeIsNotItsHarm) {
  ReclaimReadings readings = Quiet();
  readings.start.refaulted_pages = 500;  // in one second
  readings.now.refaulted_pages = 500 + 2 * 10 * 500;
  EXPECT_EQ(Harm(readings), "");
  readings.now.refaulted_pages += kTaken / 10 + 1;
  EXPECT_THAT(Harm(readings), HasSubstr("1001 pages"));
}

TEST(HarmOfReclaimTest, SwapIsWorseThanPageCache) {
  ReclaimReadings readings = Quiet();
  readings.now.reclaimed_anon_pages = kAllowedPages;
  EXPECT_EQ(Harm(readings), "");
  ++readings.now.reclaimed_anon_pages;
  EXPECT_EQ(Harm(readings), "the kernel swapped out 257 pages");
}

TEST(HarmOfReclaimTest, TheKernelMayReclaimAheadButNotForOthers) {
  ReclaimReadings readings = Quiet();
  readings.now.reclaimed_pages = kMostReclaim * kTaken + kAhead;
  EXPECT_EQ(Harm(readings), "");
  ++readings.now.reclaimed_pages;
  EXPECT_EQ(Harm(readings), "the kernel reclaimed 25001 pages when 10000 were needed");
}

TEST(HarmOfReclaimTest, AllTasksMayNotWaitLong) {
  ReclaimReadings readings = Quiet();
  readings.now.stalled = absl::Seconds(1);
  EXPECT_EQ(Harm(readings), "");
  readings.now.stalled = absl::Milliseconds(2000);
  EXPECT_EQ(Harm(readings), "the machine lost 20% of its time to memory pressure");
  readings.start.stalled = absl::Milliseconds(90);  // as much as before
  EXPECT_EQ(Harm(readings), "");
}

}  // namespace
}  // namespace numalocality::reclaim_harm_test
