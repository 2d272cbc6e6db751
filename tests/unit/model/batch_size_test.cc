#include "agent/model/batch_size.h"

#include <gtest/gtest.h>

namespace numalocality {
namespace {

constexpr absl::Duration kLimit = absl::Milliseconds(100);

TEST(BatchSizeTest, LongCallsHalveItDownToOnePage) {
  BatchSize size(kLimit, 512);
  size.Record(512, kLimit);
  EXPECT_EQ(size.pages(), 512);  // not longer than the limit
  size.Record(512, kLimit + absl::Milliseconds(1));
  EXPECT_EQ(size.pages(), 256);
  for (int i = 0; i < 20; ++i) size.Record(size.pages(), absl::Seconds(1));
  EXPECT_EQ(size.pages(), 1);
}

TEST(BatchSizeTest, ASmallBatchThatTookLongSaysMoreThanTheSizeInForce) {
  BatchSize size(kLimit, 512);
  size.Record(20, absl::Seconds(1));
  EXPECT_EQ(size.pages(), 10);
}

TEST(BatchSizeTest, OnlyFullFastBatchesDoubleItUpToTheMost) {
  BatchSize size(kLimit, 64);
  size.Record(63, absl::Milliseconds(1));
  EXPECT_EQ(size.pages(), 64);  // not full
  size.Record(64, absl::Milliseconds(50));
  EXPECT_EQ(size.pages(), 64);  // not fast
  size.Record(64, absl::Milliseconds(49));
  EXPECT_EQ(size.pages(), 128);
  for (int i = 0; i < 20; ++i) size.Record(size.pages(), absl::Milliseconds(1));
  EXPECT_EQ(size.pages(), BatchSize::kMax);
}

TEST(BatchSizeTest, AFixedSizeStays) {
  BatchSize size(kLimit, 64, 100);
  size.Record(100, absl::Seconds(1));
  EXPECT_EQ(size.pages(), 100);
}

}  // namespace
}  // namespace numalocality
