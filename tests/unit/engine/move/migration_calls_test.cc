// How many migrating calls a migration makes: each of them makes every CPU drain its LRU caches, so
// a tenant must not be able to cause many.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "agent/engine/move/stuck_memory.h"
#include "tests/unit/engine/move/workload_mover_fixture.h"

namespace numalocality::migration_calls_test {
namespace {

constexpr int64_t kWindow = 4096;             // pages of a window
constexpr int64_t kNodePages = 64 * kWindow;  // 1 GiB

class MigrationCallsTest : public WorkloadMoverTest {
 protected:
  static FakeMachine LargeMachine() {
    return FakeMachine(
        {{0, "0-3", 2 * kNodePages, kNodePages}, {1, "4-7", 2 * kNodePages, kNodePages}});
  }

  // Moves 256 huge pages, the first of which are pinned. `is_known`: the kernel says that they are
  // huge.
  WorkloadMigration MoveHugePages(bool is_known, uint64_t pinned) {
    FakeMachine machine = LargeMachine();
    machine.kernel().set_has_pagemap_scan(is_known);
    const auto process = machine.AddProcess(10);
    process->AddHugePages(0x40000000, 256, 0);
    for (uint64_t i = 0; i < pinned; ++i) process->At(0x40000000 + i * kFakeHuge).pinned = true;
    return Move(machine, *process);
  }

  // How much pinned memory was not tried, by the message; negative if it does not say that.
  static double UntriedMib(const WorkloadMigration& result) {
    const std::vector<std::string> words = absl::StrSplit(result.message, absl::MaxSplits(' ', 2));
    double mib = -1;
    EXPECT_TRUE(words.size() == 3 && absl::SimpleAtod(words[0], &mib) && words[1] == "MiB" &&
                words[2] == "of the pinned memory was not tried: no page of a sample moved")
        << result.message;
    return mib;
  }

  // Pins windows [first, end).
  static void Pin(FakeProcess& process, int64_t first, int64_t end) {
    for (int64_t i = first * kWindow; i < end * kWindow; ++i) {
      process.At(kBase + static_cast<uint64_t>(i) * kFakePage).pinned = true;
    }
  }

  // Adds a process to `machine` and moves its memory from node 0 to node 1.
  WorkloadMigration Move(FakeMachine& machine, FakeProcess& process) {
    machine.Publish(process);
    return MoveWorkload(machine.context(), workload_, {{process.pid}}, spec_, observer_);
  }
};

// ---- Overhead

// 25,600 pages from node 1 to node 2 while each call takes 12 ms, in calls.
int64_t CallsFromNode1To2(bool node0_has_memory, const NodeSet& allowed) {
  FakeMachine machine({{0, "0-3", 65536, 60000, node0_has_memory}, {1, "4-7"}, {2, "8-11"}});
  machine.SetHugePages(false);
  machine.kernel().set_time_per_call(absl::Milliseconds(12));
  machine.kernel().set_time_per_page(absl::Microseconds(2));
  const auto process = machine.AddProcess(10, "8-11");
  process->AddPages(0x10000000, 25600, 1);
  process->allowed_nodes = allowed;
  machine.Publish(*process);
  MigrationSpec spec;
  spec.target_nodes = {NodeId{2}};
  ScriptedObserver observer;
  const WorkloadMigration result =
      MoveWorkload(machine.context(), {"/", 1, std::nullopt, std::nullopt}, {{10}}, spec, observer);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 25600);
  return result.calls.Count();
}

TEST(CallOverheadTest, IsMeasuredOnTheTargetWhateverNode0Is) {
  const NodeSet all{NodeId{0}, NodeId{1}, NodeId{2}};
  const int64_t calls = CallsFromNode1To2(true, all);
  EXPECT_LT(calls, 20);
  EXPECT_EQ(CallsFromNode1To2(true, all - NodeSet{NodeId{0}}), calls);
  EXPECT_EQ(CallsFromNode1To2(false, all - NodeSet{NodeId{0}}), calls);
}

// ---- Memory that cannot move

TEST_F(MigrationCallsTest, PinnedMemoryCostsFewCalls) {
  for (const absl::Duration page :
       {absl::Microseconds(1), absl::Microseconds(50), absl::Milliseconds(1)}) {
    for (const int workers : {1, 4}) {
      SCOPED_TRACE(testing::Message() << page << " a page, " << workers << " workers");
      FakeMachine machine = LargeMachine();
      machine.SetHugePages(false);
      machine.kernel().set_time_per_page(page);
      spec_.limits.workers = workers;
      const auto process = machine.AddProcess(10);
      process->AddPages(kBase, 32 * kWindow, 0);
      for (auto& [address, folio] : process->pages) folio->pinned = true;
      const WorkloadMigration result = Move(machine, *process);
      ExpectEnd(result, MigrationState::kFailed, MigrationReason::kPagesLeft);
      EXPECT_EQ(result.outcomes[PageOutcome::kPinned], 32 * kWindow);
      EXPECT_EQ(result.outcomes.Total(), 32 * kWindow);
      EXPECT_LE(result.calls.Count(), 100);
    }
  }
}

// A little in each of them, which says nothing about one process alone.
TEST_F(MigrationCallsTest, PinnedMemoryOfManyProcessesCostsFewCalls) {
  constexpr int kProcesses = 1000;
  constexpr int kPinned = 64;
  FakeMachine machine = LargeMachine();
  machine.SetHugePages(false);
  std::vector<pid_t> pids;
  for (int i = 0; i < kProcesses; ++i) {
    const auto process = machine.AddProcess(10 + i);
    process->AddPages(kBase, kPinned, 0);
    for (auto& [address, folio] : process->pages) folio->pinned = true;
    machine.Publish(*process);
    pids.push_back(process->pid);
  }
  const WorkloadMigration result =
      MoveWorkload(machine.context(), workload_, {pids}, spec_, observer_);
  EXPECT_EQ(result.outcomes[PageOutcome::kPinned], kProcesses * kPinned);
  EXPECT_LE(result.calls.Count(), 300);
}

TEST_F(MigrationCallsTest, ProcessesAfterPinnedOnesAreMoved) {
  constexpr int kPages = 64;
  FakeMachine machine = LargeMachine();
  machine.SetHugePages(false);
  std::vector<pid_t> pids;
  for (int i = 0; i < 100; ++i) {
    const auto process = machine.AddProcess(10 + i);
    process->AddPages(kBase, kPages, 0);
    for (auto& [address, folio] : process->pages) folio->pinned = i < 50;
    machine.Publish(*process);
    pids.push_back(process->pid);
  }
  const WorkloadMigration result =
      MoveWorkload(machine.context(), workload_, {pids}, spec_, observer_);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 50 * kPages);
  EXPECT_EQ(result.outcomes[PageOutcome::kPinned], 50 * kPages);
}

TEST_F(MigrationCallsTest, PinnedHugePagesCostFewCallsToo) {
  for (const bool is_known : {true, false}) {
    SCOPED_TRACE(is_known);
    const WorkloadMigration result = MoveHugePages(is_known, 256);
    EXPECT_EQ(result.outcomes[PageOutcome::kPinned], 256 * kFakeHugePages);
    EXPECT_EQ(result.outcomes.Total(), 256 * kFakeHugePages);
    EXPECT_LE(result.calls.Count(), 100);
  }
}

TEST_F(MigrationCallsTest, WhatComesAfterPinnedMemoryIsMoved) {
  for (const auto& [pinned, workers] : {std::pair{13, 1}, {4, 4}}) {
    SCOPED_TRACE(testing::Message() << pinned << " windows, " << workers << " workers");
    FakeMachine machine = LargeMachine();
    machine.SetHugePages(false);
    spec_.limits.workers = workers;
    const auto process = machine.AddProcess(10);
    process->AddPages(kBase, 24 * kWindow, 0);
    Pin(*process, 0, pinned);
    const WorkloadMigration result = Move(machine, *process);
    EXPECT_EQ(result.outcomes.Total(), 24 * kWindow);
    EXPECT_EQ(result.outcomes[PageOutcome::kPinned], pinned * kWindow);
    EXPECT_EQ(result.outcomes[PageOutcome::kMoved], (24 - pinned) * kWindow);
    EXPECT_EQ(process->PagesOn(1), (24 - pinned) * kWindow);
  }
}

// What stays for another reason than that it is pinned says nothing about its neighbours.
TEST_F(MigrationCallsTest, BusyMemoryAfterPinnedMemoryIsMoved) {
  FakeMachine machine = LargeMachine();
  machine.SetHugePages(false);
  const auto process = machine.AddProcess(10);
  process->AddPages(kBase, 16 * kWindow, 0);
  Pin(*process, 0, 8);
  for (uint64_t i = 8 * kWindow; i < 16 * kWindow; ++i) {
    process->At(kBase + i * kFakePage).busy_attempts = 1;
  }
  const WorkloadMigration result = Move(machine, *process);
  EXPECT_EQ(result.outcomes[PageOutcome::kPinned], 8 * kWindow);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 8 * kWindow);
}

TEST_F(MigrationCallsTest, IslandsInPinnedMemoryAreMoved) {
  FakeMachine machine = LargeMachine();
  machine.SetHugePages(false);
  const auto process = machine.AddProcess(10);
  process->AddPages(kBase, 24 * kWindow, 0);
  for (const auto& [first, end] : {std::pair{0, 9}, {11, 17}, {18, 24}}) Pin(*process, first, end);
  const WorkloadMigration result = Move(machine, *process);
  EXPECT_EQ(result.outcomes[PageOutcome::kPinned], 21 * kWindow);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 3 * kWindow);
  EXPECT_LE(result.calls.Count(), 100);
}

TEST_F(MigrationCallsTest, HugePagesAfterPinnedOnesAreMoved) {
  for (const bool is_known : {true, false}) {
    SCOPED_TRACE(is_known);
    const WorkloadMigration result = MoveHugePages(is_known, 170);
    EXPECT_EQ(result.outcomes[PageOutcome::kPinned], 170 * kFakeHugePages);
    EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 86 * kFakeHugePages);
    EXPECT_EQ(result.huge_pages_moved, 86);
    EXPECT_LE(result.calls.Count(), 150);
  }
}

TEST_F(MigrationCallsTest, SaysHowMuchPinnedMemoryWasNotTried) {
  FakeMachine machine = LargeMachine();
  machine.SetHugePages(false);
  const auto process = machine.AddProcess(10);
  process->AddPages(kBase, 8 * kWindow, 0);
  Pin(*process, 0, 8);
  const WorkloadMigration result = Move(machine, *process);
  EXPECT_LT(UntriedMib(result), 8 * 16);
  EXPECT_GT(UntriedMib(result), 16);
  // Memory is stuck once some batches did not move: at least a huge page of each was tried.
  for (const bool is_known : {true, false}) {
    SCOPED_TRACE(is_known);
    const double mib = UntriedMib(MoveHugePages(is_known, 256));
    EXPECT_LE(mib, 2 * (256 - StuckStreak::kMostBatches));
    EXPECT_GT(mib, 16);
  }
}

TEST_F(MigrationCallsTest, AFewPinnedBuffersHideNothing) {
  FakeMachine machine = LargeMachine();
  machine.SetHugePages(false);
  machine.kernel().set_time_per_page(absl::Microseconds(150));
  const auto process = machine.AddProcess(10);
  process->AddPages(kBase, 8 * kWindow, 0);
  for (uint64_t i = 0; i < 8 * kWindow; ++i) {
    process->At(kBase + i * kFakePage).pinned = i % kWindow >= 1000 && i % kWindow < 3000;
  }
  const WorkloadMigration result = Move(machine, *process);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 8 * (kWindow - 2000));
  EXPECT_EQ(result.outcomes[PageOutcome::kPinned], 8 * 2000);
}

TEST_F(MigrationCallsTest, EveryNthPageThatIsPinnedHidesNothing) {
  for (const uint64_t nth : {2, 16, 64}) {
    for (const absl::Duration page : {absl::Microseconds(100), absl::Milliseconds(2)}) {
      SCOPED_TRACE(testing::Message() << nth << ", " << page << " a page");
      FakeMachine machine = LargeMachine();
      machine.SetHugePages(false);
      machine.kernel().set_time_per_page(page);
      spec_.limits.workers = 2;
      const auto process = machine.AddProcess(10);
      process->AddPages(kBase, 8 * kWindow, 0);
      for (uint64_t i = 0; i < 8 * kWindow; i += nth) {
        process->At(kBase + i * kFakePage).pinned = true;
      }
      const WorkloadMigration result = Move(machine, *process);
      const auto pinned = static_cast<int64_t>(8 * kWindow / nth);
      EXPECT_EQ(result.outcomes[PageOutcome::kPinned], pinned);
      EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 8 * kWindow - pinned);
    }
  }
}

// ---- Memory that the sharing rule leaves

TEST_F(MigrationCallsTest, SharedMemoryThatStaysCostsNoCall) {
  for (const bool has_huge_pages : {false, true}) {
    SCOPED_TRACE(has_huge_pages);
    FakeMachine machine = LargeMachine();
    machine.SetHugePages(has_huge_pages);
    const auto process = machine.AddProcess(10);
    process->AddPages(0x40000000, 12 * kWindow, 0);
    for (auto& [address, folio] : process->pages) folio->shared = true;
    process->AddPages(0x80000000, 10, 0);
    const WorkloadMigration result = Move(machine, *process);
    EXPECT_EQ(result.outcomes[PageOutcome::kShared], 12 * kWindow);
    EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 10);
    EXPECT_LE(result.calls.Count(), 2);
  }
}

TEST_F(MigrationCallsTest, SharedPagesAmongOthersAreLeftOut) {
  FakeMachine machine = LargeMachine();
  const auto process = machine.AddProcess(10);
  process->AddHugePages(0x40000000, 8, 0);
  process->AddPages(0x80000000, 1000, 0);
  for (uint64_t i = 0; i < 1000; i += 3) process->At(0x80000000 + i * kFakePage).shared = true;
  process->At(0x40000000 + 2 * kFakeHuge).shared = true;
  for (const bool is_known : {false, true}) {
    machine.kernel().set_has_pagemap_scan(is_known);
    const WorkloadMigration result = Move(machine, *process);
    EXPECT_EQ(result.outcomes[PageOutcome::kShared], 334 + kFakeHugePages);
    EXPECT_EQ(result.outcomes.Total(), 1000 + 8 * kFakeHugePages);
    EXPECT_EQ(process->PagesOn(1), 666 + 7 * kFakeHugePages);
  }
}

}  // namespace
}  // namespace numalocality::migration_calls_test
