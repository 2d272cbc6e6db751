#include "agent/engine/move/workload_mover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/engine/move/workload_mover_fixture.h"
#include "tests/unit/fake/peak_memory.h"

namespace numalocality::workload_mover_test {
namespace {

TEST_F(WorkloadMoverTest, MovesEveryPage) {
  const auto first = Process(10, 1000);
  const auto second = Process(11, 300);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 1300);
  EXPECT_EQ(result.outcomes.Total(), 1300);
  EXPECT_EQ(result.pages_planned, 1300);
  EXPECT_EQ(result.pages_on_target, 1300);
  EXPECT_EQ(result.drifted_pages, 0);
  EXPECT_EQ(result.process_count, 2);
  EXPECT_EQ(result.target_nodes, NodeSet{kNode1});
  EXPECT_EQ(result.before.BytesOn({kNode0}, kPrivateKinds), 1300 * int64_t{kFakePage});
  EXPECT_EQ(result.verifications.back().memory.BytesOn({kNode1}, kPrivateKinds),
            1300 * int64_t{kFakePage});
  EXPECT_EQ(result.verifications.back().memory.BytesOn({kNode0}, kPrivateKinds), 0);
  EXPECT_EQ(result.calls.Count(), machine_.kernel().CallCount(FakeCall::kMove));
  EXPECT_THAT(observer_.batches, ::testing::ElementsAre(64, 256, 680, 300));
  EXPECT_EQ(first->PagesOn(1), 1000);
  EXPECT_EQ(second->PagesOn(1), 300);
}

TEST_F(WorkloadMoverTest, AHugePageIsOneEntryAndAllItsPagesCount) {
  const auto process = HugeProcess(10, 16);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 16 * kFakeHugePages);
  EXPECT_EQ(process->PagesOn(1), 16 * kFakeHugePages);
  EXPECT_EQ(result.calls.Count(), 4);  // 1, 4, and 3 to the end of the window; 8
  EXPECT_EQ(result.huge_pages_moved, 16);
}

TEST_F(WorkloadMoverTest, BasePagesThatLookLikeAHugePageMoveToo) {
  machine_.SetHugePages(true);
  const auto process = Process(10, 0);
  process->AddPages(0x40000000, 2 * kFakeHugePages, 0);
  machine_.Publish(*process);
  const WorkloadMigration result = Run();
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 2 * kFakeHugePages);
  EXPECT_EQ(process->PagesOn(1), 2 * kFakeHugePages);
}

TEST_F(WorkloadMoverTest, PagesThatAreThereNeedNoCall) {
  Process(10, 100, 1);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(result.outcomes[PageOutcome::kAlreadyThere], 100);
  EXPECT_EQ(result.outcomes.Total(), 100);
  EXPECT_EQ(result.pages_planned, 0);
  EXPECT_EQ(result.calls.Count(), 0);
}

TEST_F(WorkloadMoverTest, NothingToMoveIsSuccess) {
  const auto process = machine_.AddProcess(10);
  process->AddHole(kBase, 10);
  machine_.Publish(*process);
  pids_ = {10};
  ExpectEnd(Run(), MigrationState::kSucceeded, MigrationReason::kNone);
}

TEST_F(WorkloadMoverTest, AProcessWithoutMemoryIsGone) {
  Process(10, 0);  // as one is that is exiting, or a kernel thread
  ExpectEnd(Run(), MigrationState::kFailed, MigrationReason::kWorkloadGone);
}

TEST_F(WorkloadMoverTest, WithoutTargetsMemoryGoesHome) {
  auto process = machine_.AddProcess(10, "4-5");
  process->AddPages(kBase, 50, 0);
  machine_.Publish(*process);
  pids_ = {10};
  spec_.target_nodes = {};
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(result.target_nodes, NodeSet{kNode1});
  EXPECT_EQ(process->PagesOn(1), 50);
}

TEST_F(WorkloadMoverTest, OnlyRangesAskedForMove) {
  const auto process = Process(10, 100);
  // Widened to whole pages, and counted once where they overlap.
  spec_.ranges = {{kBase + 10 * kFakePage + 1, kBase + 12 * kFakePage - 1},
                  {kBase + 11 * kFakePage, kBase + 20 * kFakePage}};
  const WorkloadMigration result = Run();
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 10);
  EXPECT_EQ(result.outcomes.Total(), 10);
  EXPECT_EQ(process->PagesOn(1), 10);
}

TEST_F(WorkloadMoverTest, OfAHundredThousandProcessesTheFirstOnesAreMoved) {
  const auto process = Process(10, 100);
  for (pid_t pid = 1000; pid < 101'000; ++pid) pids_.push_back(pid);  // have exited meanwhile
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kIncomplete);
  EXPECT_THAT(result.message, testing::HasSubstr("it has 100001 processes"));
  EXPECT_EQ(process->PagesOn(1), 100);
  EXPECT_LE(machine_.kernel().CallCount(FakeCall::kOpenPidFd), 5000);
}

TEST_F(WorkloadMoverTest, OnlyKindsAskedForMove) {
  const auto process = Process(10, 10);
  process->AddPages(0x20000000, 20, 0, "/memfd:data (deleted)");
  process->AddPages(0x30000000, 40, 0, "/usr/lib/libc.so.6");
  for (auto& [address, folio] : process->pages) folio->file = address >= 0x20000000;
  machine_.Publish(*process);
  spec_.kinds = {MemoryKind::kShmem};
  EXPECT_EQ(Run().outcomes[PageOutcome::kMoved], 20);
  spec_.kinds = kPrivateKinds;
  EXPECT_EQ(Run().outcomes[PageOutcome::kMoved], 10);
  EXPECT_EQ(process->PagesOn(0), 40);
}

TEST_F(WorkloadMoverTest, OnlyFromTheSourcesAskedFor) {
  FakeMachine machine({{0, "0-3"}, {1, "4-7"}, {2, "8-11"}});
  auto process = machine.AddProcess(10);
  process->AddPages(kBase, 10, 0);
  process->AddPages(2 * kBase, 20, 2);
  machine.Publish(*process);
  spec_.source_nodes = {NodeId{2}};
  const WorkloadMigration result =
      MoveWorkload(machine.context(), workload_, {{10}}, spec_, observer_);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 20);
  EXPECT_EQ(result.outcomes.Total(), 20);
  EXPECT_EQ(process->PagesOn(0), 10);
}

TEST_F(WorkloadMoverTest, PinnedPagesAreLeftAndCounted) {
  const auto process = Process(10, 6400);
  for (int i = 0; i < 6400; i += 64) {
    process->At(kBase + static_cast<uint64_t>(i) * kFakePage).pinned = true;
  }
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(result.outcomes[PageOutcome::kPinned], 100);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 6300);
  EXPECT_EQ(process->PagesOn(1), 6300);

  spec_.min_moved = 1.0;
  const WorkloadMigration strict = Run();
  ExpectEnd(strict, MigrationState::kFailed, MigrationReason::kPagesLeft);  // no page moved now
  EXPECT_EQ(strict.outcomes[PageOutcome::kAlreadyThere], 6300);
}

TEST_F(WorkloadMoverTest, StuckPagesOfManyWindowsAreTriedAgainTogether) {
  const auto process = Process(10, 12 * 4096);
  for (uint64_t i = 0; i < 12; ++i) process->At(kBase + i * 4096 * kFakePage).pinned = true;
  const WorkloadMigration result = Run();
  EXPECT_EQ(result.outcomes[PageOutcome::kPinned], 12);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 12 * 4095);
  EXPECT_LT(machine_.clock().slept(), absl::Milliseconds(100));
}

TEST_F(WorkloadMoverTest, SharedPagesAreNotWanted) {
  const auto process = Process(10, 100);
  for (int i = 0; i < 50; ++i) {
    process->At(kBase + static_cast<uint64_t>(i) * kFakePage).shared = true;
  }
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(result.outcomes[PageOutcome::kShared], 50);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 50);
}

// ---- Cancel, deadline, drift

TEST_F(WorkloadMoverTest, CancelEndsAfterTheBatch) {
  const auto process = Process(10, 3000);
  observer_.StopAfterBatch(2, MigrationReason::kCancelled);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kCancelled, MigrationReason::kCancelled);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 64 + 256);
  EXPECT_EQ(result.outcomes[PageOutcome::kNotAttempted], 3000 - 64 - 256);
  EXPECT_EQ(result.pages_on_target, 64 + 256);
  EXPECT_EQ(process->PagesOn(1), 64 + 256);
}

TEST_F(WorkloadMoverTest, CancelDuringTheScanMovesNothing) {
  const auto process = Process(10, 10);
  observer_.StopAt(1, MigrationReason::kCancelled);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kCancelled, MigrationReason::kCancelled);
  EXPECT_EQ(machine_.kernel().CallCount(FakeCall::kMove), 0);
  EXPECT_EQ(process->PagesOn(0), 10);
}

TEST_F(WorkloadMoverTest, ARunThatIsOutOfTimeCanStillBeCancelled) {
  Process(10, 3000);
  spec_.verify_after = {absl::Hours(1)};
  observer_.StopAfterBatch(1, MigrationReason::kDeadline);
  observer_.CancelIn(MigrationState::kVerifying);
  const WorkloadMigration result = Run();
  EXPECT_LT(machine_.clock().slept(), absl::Minutes(1));
  EXPECT_LT(result.verifications.size(), 2u);
}

TEST_F(WorkloadMoverTest, AnIncompleteVerificationIsNotRecorded) {
  Process(10, 3000);
  observer_.CancelIn(MigrationState::kVerifying);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kCancelled, MigrationReason::kCancelled);
  EXPECT_TRUE(result.verifications.empty());
  EXPECT_EQ(result.pages_on_target, 3000);
}

TEST_F(WorkloadMoverTest, DeadlineEndsTheMovingButNotTheCounting) {
  const auto process = Process(10, 3000);
  Process(11, 100);
  observer_.StopAfterBatch(1, MigrationReason::kDeadline);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kDeadline);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 64);
  EXPECT_EQ(result.outcomes[PageOutcome::kNotAttempted], 3100 - 64);
  EXPECT_EQ(result.pages_on_target, 64);
  EXPECT_EQ(result.verifications.back().memory.BytesOn({kNode1}, kPrivateKinds),
            64 * int64_t{kFakePage});
}

TEST_F(WorkloadMoverTest, WhatWasDoneWhenTheDeadlinePassesIsNotCutShort) {
  const auto process = Process(10, 64);
  process->At(kBase).pinned = true;
  spec_.min_moved = 1;
  spec_.limits.retries = 0;
  observer_.StopAfterBatch(1, MigrationReason::kDeadline);
  const WorkloadMigration result = Run();
  EXPECT_EQ(result.outcomes[PageOutcome::kPinned], 1);
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kPagesLeft);
}

TEST_F(WorkloadMoverTest, PagesThatMovedBackHaveDrifted) {
  const auto process = Process(10, 400);
  // The first scan and the scan that moves; then verification.
  machine_.kernel().RunAt(FakeCall::kQuery, 3, [&] {
    for (int i = 0; i < 100; ++i) {
      process->At(kBase + static_cast<uint64_t>(i) * kFakePage).node = 0;
    }
  });
  const WorkloadMigration result = Run();
  EXPECT_EQ(result.drifted_pages, 100);
  EXPECT_EQ(result.pages_on_target, 300);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 400);
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kPagesLeft);
}

TEST_F(WorkloadMoverTest, PagesThatWereThereBeforeCanDriftToo) {
  const auto process = Process(10, 400, 1);
  machine_.kernel().RunAt(FakeCall::kQuery, 2, [&] {  // of the verification
    for (auto& [address, folio] : process->pages) folio->node = 0;
  });
  const WorkloadMigration result = Run();
  EXPECT_EQ(result.outcomes[PageOutcome::kAlreadyThere], 400);
  EXPECT_EQ(result.drifted_pages, 400);
  EXPECT_EQ(result.pages_on_target, 0);
}

TEST_F(WorkloadMoverTest, NobodyWaitsToVerifyAProcessThatHasExited) {
  Process(10, 400);
  spec_.verify_after = {absl::Seconds(5), absl::Seconds(60)};
  machine_.kernel().RunAt(FakeCall::kQuery, 4, [&] { machine_.Exit(10); });  // 5 s later
  Run();
  EXPECT_GE(machine_.clock().slept(), absl::Seconds(5));
  EXPECT_LT(machine_.clock().slept(), absl::Seconds(6));
}

TEST_F(WorkloadMoverTest, LongCallsMakeTheFollowingBatchesSmaller) {
  Process(10, 1500);
  machine_.kernel().set_time_per_page(absl::Milliseconds(1));
  const WorkloadMigration result = Run();
  ASSERT_GT(observer_.batches.size(), 5u);
  observer_.batches.resize(5);
  EXPECT_THAT(observer_.batches, ::testing::ElementsAre(64, 10, 10, 10, 10));
  EXPECT_EQ(result.calls.longest, absl::Milliseconds(64));
  EXPECT_EQ(result.calls.total, absl::Milliseconds(1500));
}

TEST_F(WorkloadMoverTest, MappingsAreReadOnceForAllSegments) {
  Process(10, 4 * 4096);
  spec_.limits.workers = 2;
  machine_.kernel().RunAt(FakeCall::kMove, 1, [&] { machine_.tree().Write("proc/10/maps", ""); });
  EXPECT_EQ(Run().outcomes[PageOutcome::kMoved], 4 * 4096);
}

TEST_F(WorkloadMoverTest, OldMappingsAreReadAgain) {
  const auto process = Process(10, 2 * 4096);
  machine_.kernel().RunAt(FakeCall::kMove, 1, [&] {
    machine_.clock().Advance(absl::Seconds(6));
    process->mappings.front().range.end = kBase + 4096 * kFakePage;
    machine_.Publish(*process);
  });
  EXPECT_EQ(Run().outcomes[PageOutcome::kMoved], 4096);
  EXPECT_EQ(process->At(kBase + 5000 * kFakePage).node, 0);
}

TEST_F(WorkloadMoverTest, MappingsAreNotKeptOfProcessesThatHaveMoved) {
  constexpr pid_t kProcesses = 60;
  for (pid_t pid = 10; pid < 10 + kProcesses; ++pid) {
    const auto process = Process(pid, 1);
    for (uint64_t i = 1; i < 5000; ++i) process->AddHole(kBase + i * 2 * kFakePage, 1);
    machine_.Publish(*process);
  }
  WorkloadMigration result;
  const int64_t peak = PeakBytesOf([&] { result = Run(); });
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], kProcesses);
  EXPECT_LT(peak, int64_t{12} << 20);
}

TEST_F(WorkloadMoverTest, ProgressAddsUpAndEndsInVerifying) {
  Process(10, 2000);
  const WorkloadMigration result = Run();
  int64_t last = 0;
  for (const WorkloadMigration& progress : observer_.progress) {
    EXPECT_GE(progress.outcomes.Total(), last);
    last = progress.outcomes.Total();
    EXPECT_FALSE(IsFinal(progress.state));
  }
  EXPECT_EQ(last, result.outcomes.Total());
  EXPECT_EQ(observer_.progress.back().state, MigrationState::kVerifying);
}

TEST_F(WorkloadMoverTest, PlanMovesNothing) {
  const auto process = Process(10, 100);
  process->AddPages(2 * kBase, 50, 1);
  machine_.Publish(*process);
  const WorkloadMigration plan =
      PlanWorkload(machine_.context(), workload_, {pids_}, spec_, observer_);
  EXPECT_EQ(plan.state, MigrationState::kPending);
  EXPECT_EQ(plan.pages_planned, 100);
  EXPECT_EQ(plan.before.BytesOn({kNode1}, kPrivateKinds), 50 * int64_t{kFakePage});
  EXPECT_EQ(plan.outcomes.Total(), 0);
  EXPECT_EQ(machine_.kernel().CallCount(FakeCall::kMove), 0);
}

}  // namespace
}  // namespace numalocality::workload_mover_test
