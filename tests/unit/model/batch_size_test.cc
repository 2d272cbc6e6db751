#include "agent/model/batch_size.h"

#include <gtest/gtest.h>

namespace numalocality {
namespace {

constexpr absl::Duration kLimit = absl::Milliseconds(100);

// Lets `size` choose for a while on a machine where a call takes `own` and each page `page`.
void Settle(BatchSize& size, absl::Duration own, absl::Duration page) {
  for (int i = 0; i < 50; ++i) size.Record(size.pages(), own + page * size.pages());
}

TEST(BatchSizeTest, LongCallsHalveItDownToOnePage) {
  BatchSize size(kLimit, 512);
  size.Record(512, kLimit);
  EXPECT_EQ(size.pages(), 512);  // not longer than the limit
  size.Record(512, kLimit + absl::Milliseconds(1));
  EXPECT_EQ(size.pages(), 256);
  Settle(size, absl::ZeroDuration(), absl::Seconds(1));
  EXPECT_EQ(size.pages(), 1);
}

TEST(BatchSizeTest, ASmallBatchThatTookLongSaysMoreThanTheSizeInForce) {
  BatchSize size(kLimit, 512);
  size.Record(20, absl::Seconds(1));
  EXPECT_EQ(size.pages(), 256);  // by half at a time
}

TEST(BatchSizeTest, OnlyFullFastBatchesDoubleItUpToTheMost) {
  BatchSize size(kLimit, 64);
  size.Record(63, absl::Milliseconds(1));
  EXPECT_EQ(size.pages(), 64);  // not full
  size.Record(64, absl::Milliseconds(50));
  EXPECT_EQ(size.pages(), 64);  // not fast
  size.Record(64, absl::Milliseconds(49));
  EXPECT_EQ(size.pages(), 128);
  Settle(size, absl::Microseconds(50), absl::Microseconds(2));
  EXPECT_EQ(size.pages(), BatchSize::kMax);
}

TEST(BatchSizeTest, KeepsCallsJustUnderTheLimit) {
  BatchSize size(kLimit, 512);
  Settle(size, absl::Milliseconds(1), absl::Milliseconds(1));
  EXPECT_LE(size.pages(), 110);
  EXPECT_GE(size.pages(), 50);
}

TEST(BatchSizeTest, WhatACallTakesWhateverItsSizeIsNotDividedIntoManyCalls) {
  BatchSize size(kLimit, 4096);
  Settle(size, absl::Milliseconds(200), absl::Milliseconds(1));
  EXPECT_GE(size.pages(), 100);
  EXPECT_LE(size.pages(), 400);
}

TEST(BatchSizeTest, AMachineThatCalmsDownGetsLargeBatchesAgain) {
  BatchSize size(kLimit, 512);
  Settle(size, absl::Milliseconds(200), absl::Milliseconds(10));
  EXPECT_LE(size.pages(), 80);
  Settle(size, absl::Microseconds(50), absl::Microseconds(2));
  EXPECT_EQ(size.pages(), BatchSize::kMax);
}

TEST(BatchSizeTest, AFixedSizeStays) {
  BatchSize size(kLimit, 64, 100);
  size.Record(100, absl::Seconds(1));
  EXPECT_EQ(size.pages(), 100);
}

}  // namespace
}  // namespace numalocality
