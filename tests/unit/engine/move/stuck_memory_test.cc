#include "agent/engine/move/stuck_memory.h"

#include <gtest/gtest.h>

namespace numalocality::stuck_memory_test {
namespace {

void GetStuck(StuckMemory& memory) {
  for (int i = 0; i < StuckMemory::kMostStuckBatches; ++i) memory.Record(0, 64);
}

// Windows that are tried, each without success.
int CountTried(StuckMemory& memory, int windows) {
  int tried = 0;
  for (int i = 0; i < windows; ++i) {
    if (!memory.TriesNextWindow()) continue;
    ++tried;
    memory.Record(0, 64);
  }
  return tried;
}

TEST(StuckMemoryTest, AHundredGiBCostAHundredSamples) {
  constexpr int kWindows = 100 * 64;  // of 16 MiB
  StuckMemory memory;
  EXPECT_FALSE(memory.IsStuck());
  GetStuck(memory);
  EXPECT_TRUE(memory.IsStuck());
  const int tried = CountTried(memory, kWindows);
  EXPECT_GE(tried, kWindows / (StuckMemory::kMostPassed + 1));
  EXPECT_LE(tried, 110);
}

TEST(StuckMemoryTest, OnePageThatMovesEndsIt) {
  StuckMemory memory;
  GetStuck(memory);
  CountTried(memory, 1000);
  memory.Record(1, 63);
  EXPECT_FALSE(memory.IsStuck());
  EXPECT_EQ(CountTried(memory, 8), 8);
  EXPECT_TRUE(memory.IsStuck());
}

TEST(StuckMemoryTest, PagesThatWereNotTriedSayNothing) {
  StuckMemory memory;
  for (int i = 0; i < 100; ++i) memory.Record(0, 0);
  EXPECT_FALSE(memory.IsStuck());
}

}  // namespace
}  // namespace numalocality::stuck_memory_test
