#include "agent/engine/move/stuck_memory.h"

#include <gtest/gtest.h>

namespace numalocality::stuck_memory_test {
namespace {

void GetStuck(StuckMemory& memory) {
  for (int i = 0; i < StuckStreak::kMostBatches; ++i) memory.Record(0, 64);
}

TEST(StuckMemoryTest, AHundredGiBCostAHundredSamples) {
  constexpr int kWindows = 100 * 64;  // of 16 MiB
  StuckWorkload workload;
  StuckMemory memory(workload);
  EXPECT_FALSE(memory.IsStuck());
  GetStuck(memory);
  EXPECT_TRUE(memory.IsStuck());
  int samples = 0;
  size_t windows = 0;
  for (int i = 0; i < kWindows; ++i) {
    const auto due = memory.PutAside(WindowPlan(), StuckMemory::SampleSize(4096));
    if (due.empty()) continue;
    ++samples;
    windows += due.size();
    memory.Record(0, 64);
  }
  EXPECT_LE(samples, 110);
  // No window is left out.
  EXPECT_EQ(windows + memory.TakeAside().size(), static_cast<size_t>(kWindows));
  EXPECT_TRUE(memory.TakeAside().empty());
}

TEST(StuckMemoryTest, OnePageThatMovesEndsIt) {
  StuckWorkload workload;
  StuckMemory memory(workload);
  GetStuck(memory);
  memory.Record(1, 63);
  EXPECT_FALSE(memory.IsStuck());
  GetStuck(memory);
  EXPECT_TRUE(memory.IsStuck());
}

TEST(StuckMemoryTest, PagesThatWereNotTriedSayNothing) {
  StuckWorkload workload;
  StuckMemory memory(workload);
  for (int i = 0; i < 100; ++i) memory.Record(0, 0);
  EXPECT_FALSE(memory.IsStuck());
}

TEST(StuckMemoryTest, AProcessOfAStuckWorkloadIsStuck) {
  StuckWorkload workload;
  StuckMemory first(workload);
  GetStuck(first);
  EXPECT_TRUE(StuckMemory(workload).IsStuck());
  StuckMemory(workload).Record(1, 0);
  EXPECT_FALSE(StuckMemory(workload).IsStuck());
  EXPECT_TRUE(first.IsStuck()) << "nothing of its own memory has moved";
}

TEST(StuckMemoryTest, ThousandsOfProcessesCostHundredsOfSamples) {
  StuckWorkload workload;
  StuckMemory first(workload);
  GetStuck(first);
  int samples = 0;
  for (int i = 0; i < 5000; ++i) samples += workload.TakesSample() ? 1 : 0;
  EXPECT_LE(samples, 300);
  first.Record(1, 0);
  GetStuck(first);
  EXPECT_TRUE(workload.TakesSample()) << "since a page has moved";
}

TEST(StuckMemoryTest, ASampleIsNeitherSmallNorLong) {
  EXPECT_EQ(StuckMemory::SampleSize(1), 16u);
  EXPECT_EQ(StuckMemory::SampleSize(40), 40u);
  EXPECT_EQ(StuckMemory::SampleSize(4096), 64u);
}

}  // namespace
}  // namespace numalocality::stuck_memory_test
