#include "agent/model/batch_size.h"

#include <gtest/gtest.h>

namespace numalocality {
namespace {

constexpr absl::Duration kLimit = absl::Milliseconds(100);

TEST(BatchSizeTest, StartsAtTheKernelsOwnBatch) { EXPECT_EQ(BatchSize(kLimit).pages(), 512); }

TEST(BatchSizeTest, LongCallsHalveItDownToTheLeast) {
  BatchSize size(kLimit);
  size.Record(512, kLimit);
  EXPECT_EQ(size.pages(), 512);  // not longer than the limit
  size.Record(512, kLimit + absl::Milliseconds(1));
  EXPECT_EQ(size.pages(), 256);
  for (int i = 0; i < 20; ++i) size.Record(size.pages(), absl::Seconds(1));
  EXPECT_EQ(size.pages(), BatchSize::kMin);
}

TEST(BatchSizeTest, ASmallBatchThatTookLongSaysMoreThanTheSizeInForce) {
  BatchSize size(kLimit);
  size.Record(20, absl::Seconds(1));
  EXPECT_EQ(size.pages(), 10);
}

TEST(BatchSizeTest, OnlyFullFastBatchesDoubleItUpToTheKernelsOwn) {
  BatchSize size(kLimit);
  for (int i = 0; i < 3; ++i) size.Record(size.pages(), absl::Seconds(1));
  EXPECT_EQ(size.pages(), 64);
  size.Record(63, absl::Milliseconds(1));
  EXPECT_EQ(size.pages(), 64);  // not full
  size.Record(64, absl::Milliseconds(50));
  EXPECT_EQ(size.pages(), 64);  // not fast
  size.Record(64, absl::Milliseconds(49));
  EXPECT_EQ(size.pages(), 128);
  for (int i = 0; i < 20; ++i) size.Record(size.pages(), absl::Milliseconds(1));
  EXPECT_EQ(size.pages(), BatchSize::kMax);
}

}  // namespace
}  // namespace numalocality
