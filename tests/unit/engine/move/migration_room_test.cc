// Migrations to nodes that are full of page cache, and to several targets of which some are full.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/unit/engine/move/workload_mover_fixture.h"

namespace numalocality::migration_room_test {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kMin = 1000;   // the min watermark of FakeMachine::SetPageCache
constexpr int64_t kHigh = 1500;  // and the high one, which is the reserve here

class MigrationRoomTest : public WorkloadMoverTest {
 protected:
  // Node 1 has page cache, and as much free as a machine has that has read files for a while.
  void FillWithCache(int64_t cache_pages) {
    machine_.SetFreePages(1, kHigh);
    machine_.SetPageCache(1, cache_pages);
  }
  WorkloadMigration RunWith(double reclaim_cache) {
    EngineContext context = machine_.context();
    context.limits.room.reclaim_cache = reclaim_cache;
    return MoveWorkload(context, workload_, {pids_}, spec_, observer_);
  }
  FakeMemory& Node(int node) { return machine_.kernel().Memory(node); }
};

TEST_F(MigrationRoomTest, PageCacheMakesRoom) {
  const auto process = Process(10, 9000);
  FillWithCache(40'000);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(process->PagesOn(1), 9000);
  EXPECT_GE(Node(1).cache_pages, 40'000 * 3 / 4);
  EXPECT_GE(Node(1).lowest_free_pages, kMin) << "others would have to reclaim before they go on";
  EXPECT_THAT(result.room_note, HasSubstr("35.2 MiB took the place of page cache"));
  EXPECT_THAT(result.room_note, HasSubstr("reclaimCache 25%"));
}

TEST_F(MigrationRoomTest, NoMoreThanTheShareGoes) {
  const auto process = Process(10, 9000);
  FillWithCache(20'000);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kNoRoom);
  EXPECT_NEAR(static_cast<double>(process->PagesOn(1)), 5000, 500);
  EXPECT_LE(process->PagesOn(1), 5000);
  EXPECT_GE(Node(1).cache_pages, 15'000);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved] + result.outcomes[PageOutcome::kNoMemory], 9000);
}

TEST_F(MigrationRoomTest, WithoutAShareTheReserveHoldsAndPageCacheStays) {
  Process(10, 9000);
  FillWithCache(40'000);
  const WorkloadMigration result = RunWith(0);
  ExpectEnd(result, MigrationState::kFailed, MigrationReason::kNoRoom);
  EXPECT_EQ(Node(1).cache_pages, 40'000);
  EXPECT_EQ(Node(1).lowest_free_pages, kHigh);
  EXPECT_THAT(result.message, HasSubstr("do not count (reclaimCache 0)"));
  EXPECT_EQ(result.room_note, "");
}

TEST_F(MigrationRoomTest, WithFreeMemoryPageCacheIsNotTouched) {
  Process(10, 9000);
  machine_.SetPageCache(1, 40'000);
  ExpectEnd(Run(), MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(Node(1).cache_pages, 40'000);
}

TEST_F(MigrationRoomTest, RefaultsEndIt) {
  const auto process = Process(10, 9000);
  FillWithCache(40'000);
  machine_.kernel().set_time_per_call(absl::Milliseconds(200));
  machine_.kernel().RunAt(FakeCall::kMove, 4, [&] { machine_.WriteReclaimCounters(20'000, 2000); });
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kNoRoom);
  EXPECT_EQ(machine_.kernel().CallCount(FakeCall::kMove), 4);
  EXPECT_THAT(result.message, HasSubstr("20000 pages of page cache were read again"));
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], process->PagesOn(1));
}

TEST_F(MigrationRoomTest, HarmThatCannotBeWatchedIsNotRisked) {
  Process(10, 9000);
  FillWithCache(40'000);
  machine_.tree().Write("proc/vmstat", "nr_free_pages 1\n");
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kFailed, MigrationReason::kNoRoom);
  EXPECT_THAT(result.message, HasSubstr("does not count refaults"));
  EXPECT_EQ(Node(1).cache_pages, 40'000);
}

TEST_F(MigrationRoomTest, AKernelThatDropsNothingIsNotWaitedForForLong) {
  const auto process = Process(10, 9000);
  FillWithCache(40'000);
  Node(1).low_pages = 0;
  Node(1).withheld_pages = kMin;
  const absl::Duration start = machine_.clock().Monotonic();
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kNoRoom);
  EXPECT_GE(Node(1).lowest_free_pages, kMin);
  EXPECT_EQ(process->PagesOn(1), kHigh - kMin) << "down to the watermark";
  EXPECT_THAT(result.message, HasSubstr("the kernel found no free memory on node 1"));
  EXPECT_LT(machine_.clock().Monotonic() - start, absl::Seconds(10));
}

// The background reclaim sleeps until somebody allocates base pages.
TEST_F(MigrationRoomTest, ReclaimThatSleepsIsWokenByTheNextBatch) {
  const auto process = Process(10, 3000);
  FillWithCache(40'000);
  Node(1).low_pages = kMin;  // the free memory stays at it unless a batch goes below
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(process->PagesOn(1), 3000);
  EXPECT_GE(Node(1).lowest_free_pages, kMin);
}

TEST_F(MigrationRoomTest, EachNodeMayHaveItsOwnReserve) {
  const auto process = Process(10, 3000);
  machine_.SetFreePages(1, 10'000);
  EngineContext context = machine_.context();
  context.limits.room.reserve.of_node = {{kNode1, {.bytes = 9000 * 4096}}};
  const WorkloadMigration result = MoveWorkload(context, workload_, {pids_}, spec_, observer_);
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kNoRoom);
  EXPECT_EQ(process->PagesOn(1), 1000);
}

// ---- Spill-over

class SpillOverTest : public ::testing::Test {
 protected:
  static constexpr int64_t kReserve = 65536 / 50;

  // Memory on node 3 moves to the other nodes, of which 1 is the nearest.
  SpillOverTest()
      : machine_({{0, "0-1"}, {1, "2-3"}, {2, "4-5"}, {3, "6-7"}},
                 {"10 21 21 30", "21 10 21 20", "21 21 10 30", "30 20 30 10"}) {
    machine_.SetHugePages(false);
    spec_.target_nodes = {NodeId{0}, NodeId{1}, NodeId{2}};
    process_ = machine_.AddProcess(10);
  }
  WorkloadMigration Run() {
    machine_.Publish(*process_);
    return MoveWorkload(machine_.context(), workload_, {{10}}, spec_, observer_);
  }

  FakeMachine machine_;
  ScriptedObserver observer_;
  MigrationSpec spec_;
  Workload workload_{"/", 1, std::nullopt, std::nullopt};
  std::shared_ptr<FakeProcess> process_;
};

TEST_F(SpillOverTest, AFullTargetHandsOverToTheNextOneWithMostRoom) {
  process_->AddPages(0x10000000, 10'000, 3);
  machine_.SetFreePages(0, kReserve + 3000);
  machine_.SetFreePages(1, kReserve + 6000);
  machine_.SetFreePages(2, kReserve + 4000);
  const WorkloadMigration result = Run();
  EXPECT_EQ(ApiNameOf(result.state), "SUCCEEDED") << result.message;
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 10'000);
  EXPECT_GE(process_->PagesOn(1), 5999);
  EXPECT_GT(process_->PagesOn(2), process_->PagesOn(0));
  for (const int node : {0, 1, 2}) {
    EXPECT_GE(machine_.kernel().Memory(node).lowest_free_pages, kReserve);
  }
}

TEST_F(SpillOverTest, WithoutRoomAnywhereEachIsNamed) {
  process_->AddPages(0x10000000, 10'000, 3);
  for (const int node : {0, 1, 2}) machine_.SetFreePages(node, kReserve + 2000);
  const WorkloadMigration result = Run();
  EXPECT_EQ(ApiNameOf(result.state), "PARTIAL");
  EXPECT_EQ(ApiNameOf(result.reason), "NO_ROOM");
  EXPECT_NEAR(static_cast<double>(result.outcomes[PageOutcome::kMoved]), 6000, 3);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved] + result.outcomes[PageOutcome::kNoMemory], 10'000);
  for (const char* node : {"node 0 has", "node 1 has", "node 2 has"}) {
    EXPECT_THAT(result.message, HasSubstr(node));
  }
}

TEST_F(SpillOverTest, WhatTheAllocatorRefusesGoesElsewhereToo) {
  process_->AddPages(0x10000000, 3000, 3);
  machine_.SetFreePages(1, 60'000, 60'000 - 1000);
  const WorkloadMigration result = Run();
  EXPECT_EQ(ApiNameOf(result.state), "SUCCEEDED") << result.message;
  EXPECT_EQ(process_->PagesOn(1), 1000);
  EXPECT_EQ(process_->PagesOn(0) + process_->PagesOn(2), 2000);
  EXPECT_EQ(machine_.kernel().Memory(1).moves_after_no_memory, 0);
}

TEST_F(SpillOverTest, HugePagesStayWhole) {
  machine_.SetHugePages(true);
  process_->AddHugePages(0x40000000, 24, 3);
  machine_.SetFreePages(1, kReserve + 10 * kFakeHugePages);
  const WorkloadMigration result = Run();
  EXPECT_EQ(ApiNameOf(result.state), "SUCCEEDED") << result.message;
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 24 * kFakeHugePages);
  EXPECT_EQ(result.huge_pages_moved, 24);
  EXPECT_EQ(result.huge_pages_split, 0);
}

TEST_F(SpillOverTest, ANodeMapNamesOneTarget) {
  process_->AddPages(0x10000000, 3000, 3);
  spec_.target_nodes = {};
  spec_.node_map = {{NodeId{3}, NodeId{1}}, {NodeId{0}, NodeId{2}}};
  machine_.SetFreePages(1, kReserve + 1000);
  const WorkloadMigration result = Run();
  EXPECT_EQ(ApiNameOf(result.reason), "NO_ROOM");
  EXPECT_EQ(process_->PagesOn(2), 0);
}

}  // namespace
}  // namespace numalocality::migration_room_test
