#include "agent/model/batch_size.h"

#include <gtest/gtest.h>

namespace numalocality::batch_size_test {
namespace {

constexpr absl::Duration kLimit = absl::Milliseconds(100);

// A machine where a call takes `own` and each page `page`.
struct Machine {
  absl::Duration own;
  absl::Duration page;
};

void Call(BatchSize& size, const Machine& machine) {
  if (size.WantsOverhead()) size.RecordOverhead(machine.own);
  size.Record(size.pages(), machine.own + machine.page * size.pages());
}

// Lets `size` choose for a while.
void Settle(BatchSize& size, const Machine& machine) {
  for (int i = 0; i < 200; ++i) Call(size, machine);
}

TEST(BatchSizeTest, FillsTheLimit) {
  BatchSize size(kLimit, 64);
  Settle(size, {absl::Milliseconds(1), absl::Milliseconds(1)});
  EXPECT_EQ(size.pages(), 99);
}

TEST(BatchSizeTest, GoesDownToOnePage) {
  BatchSize size(kLimit, 512);
  Settle(size, {absl::ZeroDuration(), absl::Seconds(1)});
  EXPECT_EQ(size.pages(), 1);
}

TEST(BatchSizeTest, GrowsStepByStepUpToTheMost) {
  BatchSize size(kLimit, 64);
  Call(size, {absl::Microseconds(50), absl::Microseconds(2)});
  EXPECT_EQ(size.pages(), 256);
  Settle(size, {absl::Microseconds(50), absl::Microseconds(2)});
  EXPECT_EQ(size.pages(), BatchSize::kMax);
}

TEST(BatchSizeTest, CallsThatAreLongWhateverTheirSizeAreNotMadeMany) {
  BatchSize size(kLimit, 4096);
  Settle(size, {absl::Milliseconds(200), absl::Milliseconds(1)});
  EXPECT_EQ(size.pages(), 800);  // a fifth of the time is the calls' own
}

TEST(BatchSizeTest, SingleLongCallsChangeNothing) {
  BatchSize size(kLimit, 64);
  const Machine machine{absl::Milliseconds(1), absl::Milliseconds(1)};
  Settle(size, machine);
  for (int i = 0; i < 100; ++i) {
    if (i % 4 == 0) size.Record(size.pages(), absl::Seconds(10));
    Call(size, machine);
    EXPECT_EQ(size.pages(), 99);
  }
}

TEST(BatchSizeTest, SmallBatchesSayLittleUnlessTheyAreSlow) {
  BatchSize size(kLimit, 100);
  for (int i = 0; i < 10; ++i) size.Record(20, kLimit - absl::Milliseconds(1));
  EXPECT_EQ(size.pages(), 100);
  for (int i = 0; i < 10; ++i) size.Record(20, 2 * kLimit);
  EXPECT_EQ(size.pages(), 10);
}

TEST(BatchSizeTest, BatchesThatDoNotMoveTeachNothing) {
  BatchSize size(kLimit, 64);
  for (int i = 0; i < 10; ++i) size.Record(0, absl::Microseconds(10));
  EXPECT_EQ(size.pages(), 64);
}

TEST(BatchSizeTest, ALongEmptyCallDoesNotMakePagesFree) {
  BatchSize size(kLimit, 64);
  const Machine machine{absl::Milliseconds(1), absl::Milliseconds(1)};
  size.RecordOverhead(absl::Seconds(10));
  for (int i = 0; i < 20; ++i) {
    Call(size, machine);
    EXPECT_LE(size.pages(), 256);
  }
}

TEST(BatchSizeTest, TwoSlowBatchesInARowAreEnough) {
  BatchSize size(kLimit, 64);
  Settle(size, {absl::ZeroDuration(), absl::Microseconds(50)});
  ASSERT_EQ(size.pages(), 2000);
  Call(size, {absl::ZeroDuration(), absl::Milliseconds(1)});
  EXPECT_EQ(size.pages(), 2000);
  Call(size, {absl::ZeroDuration(), absl::Milliseconds(1)});
  EXPECT_EQ(size.pages(), 100);
}

TEST(BatchSizeTest, WhatItTakesToStopTheProcessCountsAsWell) {
  BatchSize size(kLimit, 64);
  size.RecordStop(absl::Milliseconds(40));
  Settle(size, {absl::Milliseconds(10), absl::Milliseconds(1)});
  EXPECT_EQ(size.pages(), 200);
}

TEST(BatchSizeTest, FollowsTheMachine) {
  BatchSize size(kLimit, 512);
  Settle(size, {absl::Milliseconds(200), absl::Milliseconds(10)});
  EXPECT_EQ(size.pages(), 80);
  Settle(size, {absl::Microseconds(50), absl::Microseconds(2)});
  EXPECT_EQ(size.pages(), BatchSize::kMax);
}

TEST(BatchSizeTest, TheCallsOwnPartIsMeasuredRarely) {
  BatchSize size(kLimit, 64);
  int measured = 0;
  for (int i = 0; i < 160; ++i) {
    measured += size.WantsOverhead();
    Call(size, {absl::Milliseconds(1), absl::Milliseconds(1)});
  }
  EXPECT_GE(measured, 10);
  EXPECT_LE(measured, 13);
}

TEST(BatchSizeTest, AFixedSizeStays) {
  BatchSize size(kLimit, 64, 100);
  EXPECT_FALSE(size.WantsOverhead());
  size.Record(100, absl::Seconds(1));
  EXPECT_EQ(size.pages(), 100);
}

}  // namespace
}  // namespace numalocality::batch_size_test
