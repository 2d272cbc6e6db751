#include "agent/engine/migration_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "tests/unit/fake/fake_host.h"
#include "tests/unit/fake/scripted_observer.h"

namespace numalocality {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kBase = 0x10000000;
constexpr NodeId kNode0{0};
constexpr NodeId kNode1{1};

class MigrationRunTest : public ::testing::Test {
 protected:
  MigrationRunTest() {
    spec_.target_nodes = {kNode1};
    host_.SetHugePages(false);
  }

  // A process with `count` base pages on `node`.
  std::shared_ptr<FakeProcess> Process(pid_t pid, int count, int node = 0) {
    auto process = host_.AddProcess(pid);
    if (count > 0) process->AddPages(kBase, count, node);
    host_.Publish(*process);
    pids_.push_back(pid);
    return process;
  }

  // A process with `count` transparent huge pages on node 0.
  std::shared_ptr<FakeProcess> HugeProcess(pid_t pid, int count) {
    host_.SetHugePages(true);
    auto process = Process(pid, 0);
    process->AddHugePages(0x40000000, count, 0);
    host_.Publish(*process);
    return process;
  }

  WorkloadMigration Run() {
    return RunMigration(host_.context(), workload_, pids_, spec_, observer_);
  }

  static void ExpectEnd(const WorkloadMigration& result, MigrationState state,
                        MigrationReason reason) {
    EXPECT_EQ(std::string(MigrationStateName(result.state)),
              std::string(MigrationStateName(state)));
    EXPECT_EQ(std::string(MigrationReasonName(result.reason)),
              std::string(MigrationReasonName(reason)));
  }

  FakeHost host_;
  ScriptedObserver observer_;
  MigrationSpec spec_;
  Workload workload_{"/pod", 1, std::nullopt, std::nullopt};
  std::vector<pid_t> pids_;
};

TEST_F(MigrationRunTest, MovesEveryPage) {
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
  EXPECT_EQ(result.before.BytesOn({kNode0}, kPrivateKinds), 1300 * 4096);
  EXPECT_EQ(result.after.BytesOn({kNode1}, kPrivateKinds), 1300 * 4096);
  EXPECT_EQ(result.after.BytesOn({kNode0}, kPrivateKinds), 0);
  EXPECT_EQ(result.move_calls, host_.kernel().CallCount(FakeCall::kMove));
  EXPECT_THAT(observer_.batches, ::testing::ElementsAre(512, 488, 300));
  EXPECT_EQ(first->PagesOn(1), 1000);
  EXPECT_EQ(second->PagesOn(1), 300);
}

TEST_F(MigrationRunTest, AHugePageIsOneEntryAndAllItsPagesCount) {
  const auto process = HugeProcess(10, 16);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 16 * kFakeHugePages);
  EXPECT_EQ(process->PagesOn(1), 16 * kFakeHugePages);
  EXPECT_EQ(result.move_calls, 2);  // a window each
}

TEST_F(MigrationRunTest, BasePagesThatLookLikeAHugePageMoveToo) {
  host_.SetHugePages(true);
  const auto process = Process(10, 0);
  process->AddPages(0x40000000, 2 * kFakeHugePages, 0);
  host_.Publish(*process);
  const WorkloadMigration result = Run();
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 2 * kFakeHugePages);
  EXPECT_EQ(process->PagesOn(1), 2 * kFakeHugePages);
}

TEST_F(MigrationRunTest, PagesThatAreThereNeedNoCall) {
  Process(10, 100, 1);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(result.outcomes[PageOutcome::kAlreadyThere], 100);
  EXPECT_EQ(result.outcomes.Total(), 100);
  EXPECT_EQ(result.pages_planned, 0);
  EXPECT_EQ(result.move_calls, 0);
}

TEST_F(MigrationRunTest, NothingToMoveIsSuccess) {
  Process(10, 0);
  ExpectEnd(Run(), MigrationState::kSucceeded, MigrationReason::kNone);
}

TEST_F(MigrationRunTest, WithoutTargetsMemoryGoesHome) {
  auto process = host_.AddProcess(10, "4-5");
  process->AddPages(kBase, 50, 0);
  host_.Publish(*process);
  pids_ = {10};
  spec_.target_nodes = {};
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(result.target_nodes, NodeSet{kNode1});
  EXPECT_EQ(process->PagesOn(1), 50);
}

TEST_F(MigrationRunTest, OnlyRangesAskedForMove) {
  const auto process = Process(10, 100);
  // Widened to whole pages, and counted once where they overlap.
  spec_.ranges = {{kBase + 10 * kFakePage + 1, kBase + 12 * kFakePage - 1},
                  {kBase + 11 * kFakePage, kBase + 20 * kFakePage}};
  const WorkloadMigration result = Run();
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 10);
  EXPECT_EQ(result.outcomes.Total(), 10);
  EXPECT_EQ(process->PagesOn(1), 10);
}

TEST_F(MigrationRunTest, OnlyKindsAskedForMove) {
  const auto process = Process(10, 10);
  process->AddPages(0x20000000, 20, 0, "/memfd:data (deleted)");
  process->AddPages(0x30000000, 40, 0, "/usr/lib/libc.so.6");
  for (auto& [address, folio] : process->pages) folio->file = address >= 0x20000000;
  host_.Publish(*process);
  spec_.kinds = {MemoryKind::kShmem};
  EXPECT_EQ(Run().outcomes[PageOutcome::kMoved], 20);
  spec_.kinds = kPrivateKinds;
  EXPECT_EQ(Run().outcomes[PageOutcome::kMoved], 10);
  EXPECT_EQ(process->PagesOn(0), 40);
}

TEST_F(MigrationRunTest, OnlyFromTheSourcesAskedFor) {
  FakeHost host({{0, "0-3"}, {1, "4-7"}, {2, "8-11"}});
  auto process = host.AddProcess(10);
  process->AddPages(kBase, 10, 0);
  process->AddPages(2 * kBase, 20, 2);
  host.Publish(*process);
  spec_.source_nodes = {NodeId{2}};
  const WorkloadMigration result = RunMigration(host.context(), workload_, {10}, spec_, observer_);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 20);
  EXPECT_EQ(result.outcomes.Total(), 20);
  EXPECT_EQ(process->PagesOn(0), 10);
}

TEST_F(MigrationRunTest, PinnedPagesAreLeftAndCounted) {
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

TEST_F(MigrationRunTest, SharedPagesAreNotWanted) {
  const auto process = Process(10, 100);
  for (int i = 0; i < 50; ++i) {
    process->At(kBase + static_cast<uint64_t>(i) * kFakePage).shared = true;
  }
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(result.outcomes[PageOutcome::kShared], 50);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 50);
}

// ---- No room

TEST_F(MigrationRunTest, StopsBeforeTheReserveIsTouched) {
  Process(10, 3000);
  constexpr int64_t kReserve = 65536 / 50;
  host_.SetFreePages(1, kReserve + 1100);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kNoRoom);
  EXPECT_GE(result.outcomes[PageOutcome::kMoved], 1099);  // the reserve ends within a page
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved] + result.outcomes[PageOutcome::kNoMemory], 3000);
  EXPECT_GE(host_.kernel().Memory(1).lowest_free_pages, kReserve);
  EXPECT_THAT(result.message, HasSubstr("node 1"));
}

TEST_F(MigrationRunTest, TheReserveIsAtLeastTheKernelsWatermark) {
  Process(10, 3000);
  host_.tree().Write("proc/zoneinfo", "Node 1, zone Normal\n  high 5000\n");
  host_.SetFreePages(1, 6000);
  ExpectEnd(Run(), MigrationState::kPartial, MigrationReason::kNoRoom);
  EXPECT_EQ(host_.kernel().Memory(1).lowest_free_pages, 5000);
}

TEST_F(MigrationRunTest, AFullTargetIsNotEvenTried) {
  Process(10, 100);
  Process(11, 100);
  host_.SetFreePages(1, 50);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kFailed, MigrationReason::kNoRoom);
  EXPECT_EQ(result.outcomes[PageOutcome::kNoMemory], 200);
  EXPECT_EQ(host_.kernel().CallCount(FakeCall::kMove), 0);
}

TEST_F(MigrationRunTest, NoMoveCallFollowsTheKernelsNoMemory) {
  Process(10, 2000);
  Process(11, 100);
  host_.SetFreePages(1, 60000, 60000 - 700);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kNoRoom);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 700);
  EXPECT_EQ(result.outcomes[PageOutcome::kNoMemory], 1400);
  EXPECT_EQ(result.move_calls, 2);
  EXPECT_EQ(host_.kernel().Memory(1).moves_after_no_memory, 0);
}

TEST_F(MigrationRunTest, PagesInPlaceStayCountedAsThereWhenTheTargetIsFull) {
  Process(10, 100);
  Process(11, 900, 1);
  host_.SetFreePages(1, 50);
  const WorkloadMigration result = Run();
  EXPECT_EQ(result.outcomes[PageOutcome::kAlreadyThere], 900);
  EXPECT_EQ(result.outcomes[PageOutcome::kNoMemory], 100);
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);  // 90 % are on target
}

TEST_F(MigrationRunTest, HugePagesStopAtTheReserveToo) {
  const auto process = HugeProcess(10, 24);
  constexpr int64_t kReserve = 65536 / 50;
  host_.SetFreePages(1, kReserve + 20 * kFakeHugePages);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kNoRoom);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 19 * kFakeHugePages);
  EXPECT_EQ(result.outcomes[PageOutcome::kNoMemory], 5 * kFakeHugePages);
  EXPECT_GE(host_.kernel().Memory(1).lowest_free_pages, kReserve);
}

TEST_F(MigrationRunTest, APageThatBringsAHugePageAlongStopsAtTheReserveToo) {
  const auto process = HugeProcess(10, 2);
  spec_.ranges = {{0x40000000 + kFakePage, 0x40000000 + kFakeHuge - kFakePage}};
  constexpr int64_t kReserve = 65536 / 50;
  host_.SetFreePages(1, kReserve + 500);
  ExpectEnd(Run(), MigrationState::kFailed, MigrationReason::kNoRoom);
  EXPECT_GE(host_.kernel().Memory(1).lowest_free_pages, kReserve);
  host_.SetFreePages(1, kReserve + 600);
  ExpectEnd(Run(), MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(process->PagesOn(1), kFakeHugePages);
}

TEST_F(MigrationRunTest, WhatCameAlongWithAHugePageCountsAlsoWhenTheNextOneHadNoRoom) {
  const auto process = HugeProcess(10, 8);
  host_.SetFreePages(1, 60000, 60000 - 3 * kFakeHugePages);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kNoRoom);
  EXPECT_EQ(process->PagesOn(1), 3 * kFakeHugePages);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 3 * kFakeHugePages);
  EXPECT_EQ(result.outcomes[PageOutcome::kNoMemory], 5 * kFakeHugePages);
  EXPECT_EQ(host_.kernel().Memory(1).moves_after_no_memory, 0);
}

// ---- Forbidden, refused

TEST_F(MigrationRunTest, ForbiddenByCpusetNamesBothMasks) {
  const auto process = Process(10, 10);
  process->allowed_nodes = {kNode0};
  host_.Publish(*process);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kFailed, MigrationReason::kCpusetForbids);
  EXPECT_THAT(result.message, HasSubstr("allows node 0 only, the target is node 1"));
  EXPECT_EQ(host_.kernel().CallCount(FakeCall::kMove), 0);
}

TEST_F(MigrationRunTest, OneForbiddenProcessFailsAlsoWhenTheOthersAreInPlace) {
  Process(10, 100, 1);
  const auto confined = Process(11, 10);
  confined->allowed_nodes = {kNode0};
  host_.Publish(*confined);
  ExpectEnd(Run(), MigrationState::kFailed, MigrationReason::kCpusetForbids);
}

TEST_F(MigrationRunTest, ForbiddenByCpusetInTheMiddle) {
  const auto process = Process(10, 2000);
  host_.kernel().RunAt(6, [&] { process->allowed_nodes = {kNode0}; });
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kCpusetForbids);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], process->PagesOn(1));
  EXPECT_EQ(result.outcomes[PageOutcome::kForbidden], process->PagesOn(0));
  EXPECT_GT(process->PagesOn(1), 0);
  EXPECT_GT(process->PagesOn(0), 0);
}

TEST_F(MigrationRunTest, RefusedMovesSayWhatIsMissing) {
  Process(10, 10);
  host_.kernel().FailAll(FakeCall::kMove, EPERM);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kFailed, MigrationReason::kPermissionDenied);
  EXPECT_EQ(result.outcomes[PageOutcome::kPermissionDenied], 10);
  EXPECT_THAT(result.message, HasSubstr("CAP_SYS_PTRACE"));
}

TEST_F(MigrationRunTest, RefusedQueriesEndTheScan) {
  Process(10, 10);
  host_.kernel().FailAll(FakeCall::kQuery, EPERM);
  ExpectEnd(Run(), MigrationState::kFailed, MigrationReason::kPermissionDenied);
}

// ---- Processes that leave

TEST_F(MigrationRunTest, AllProcessesGoneBeforeIsWorkloadGone) {
  Process(10, 10);
  Process(11, 10);
  host_.Exit(10);
  host_.Exit(11);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kFailed, MigrationReason::kWorkloadGone);
  EXPECT_EQ(result.vanished_process_count, 2);
  EXPECT_EQ(result.outcomes.Total(), 0);
}

TEST_F(MigrationRunTest, AllProcessesGoneInTheMiddle) {
  Process(10, 2000);
  Process(11, 1000);
  host_.kernel().RunAt(10, [&] {
    host_.Exit(10);
    host_.Exit(11);
  });
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kFailed, MigrationReason::kWorkloadGone);
  EXPECT_EQ(result.vanished_process_count, 2);
  EXPECT_EQ(result.outcomes.Total(), 3000);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved] + result.outcomes[PageOutcome::kVanished], 3000);
}

TEST_F(MigrationRunTest, SomeProcessesGoneIsPartial) {
  Process(10, 1000);
  const auto stays = Process(11, 1000);
  host_.kernel().RunAt(7, [&] { host_.Exit(10); });
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kWorkloadGone);
  EXPECT_EQ(result.vanished_process_count, 1);
  EXPECT_EQ(result.outcomes.Total(), 2000);
  EXPECT_EQ(stays->PagesOn(1), 1000);
}

TEST_F(MigrationRunTest, AProcessThatExitsAsItIsScannedHasVanished) {
  // A zombie's maps and pagemap read as empty: no error tells that it is gone.
  Process(10, 1000);
  host_.kernel().RunAt(1, [&] { host_.BecomeZombie(10); });  // right after the PID is resolved
  ExpectEnd(Run(), MigrationState::kFailed, MigrationReason::kWorkloadGone);
}

TEST_F(MigrationRunTest, AProcessThatExitsBeforeVerificationHasVanished) {
  Process(10, 100);
  const auto stays = Process(11, 100);
  // Opened and scanned, both; found again and moved, both: what follows is verification.
  host_.kernel().RunAt(9, [&] { host_.BecomeZombie(10); });
  const WorkloadMigration result = Run();
  EXPECT_EQ(result.vanished_process_count, 1);
  EXPECT_EQ(result.pages_on_target, 100);
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kWorkloadGone);
  EXPECT_EQ(stays->PagesOn(1), 100);
}

TEST_F(MigrationRunTest, AStrangerWithThePidIsLeftAlone) {
  Process(10, 2000);
  std::shared_ptr<FakeProcess> stranger;
  host_.kernel().RunAt(6, [&] {
    stranger = host_.Replace(10);
    stranger->AddPages(kBase, 2000, 0);
    host_.Publish(*stranger);
  });
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kFailed, MigrationReason::kWorkloadGone);
  EXPECT_GT(result.outcomes[PageOutcome::kIdentityChanged], 0);
  EXPECT_EQ(result.outcomes.Total(), 2000);
  EXPECT_LE(stranger->PagesOn(1), 512);  // one call may hit it, before it can be noticed
}

TEST_F(MigrationRunTest, AProcessWorkloadWhosePidWasReusedIsGone) {
  const auto process = Process(10, 10);
  workload_.process = ProcessId{10, process->start_ticks + 1};
  ExpectEnd(Run(), MigrationState::kFailed, MigrationReason::kWorkloadGone);
  EXPECT_EQ(process->PagesOn(0), 10);
}

// ---- Cancel, deadline, drift

TEST_F(MigrationRunTest, CancelEndsAfterTheBatch) {
  const auto process = Process(10, 3000);
  observer_.StopAfterBatch(2, MigrationReason::kCancelled);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kCancelled, MigrationReason::kCancelled);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 1024);
  EXPECT_EQ(result.outcomes[PageOutcome::kNotAttempted], 3000 - 1024);
  EXPECT_EQ(result.pages_on_target, 1024);
  EXPECT_EQ(process->PagesOn(1), 1024);
}

TEST_F(MigrationRunTest, CancelDuringTheScanMovesNothing) {
  const auto process = Process(10, 10);
  observer_.StopAt(1, MigrationReason::kCancelled);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kCancelled, MigrationReason::kCancelled);
  EXPECT_EQ(host_.kernel().CallCount(FakeCall::kMove), 0);
  EXPECT_EQ(process->PagesOn(0), 10);
}

TEST_F(MigrationRunTest, DeadlineEndsTheMovingButNotTheCounting) {
  const auto process = Process(10, 3000);
  Process(11, 100);
  observer_.StopAfterBatch(1, MigrationReason::kDeadline);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kDeadline);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 512);
  EXPECT_EQ(result.outcomes[PageOutcome::kNotAttempted], 3100 - 512);
  EXPECT_EQ(result.pages_on_target, 512);
  EXPECT_EQ(result.after.BytesOn({kNode1}, kPrivateKinds), 512 * 4096);
}

TEST_F(MigrationRunTest, PagesThatMovedBackHaveDrifted) {
  const auto process = Process(10, 400);
  // open, scan, find again, move; then verification looks.
  host_.kernel().RunAt(5, [&] {
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

TEST_F(MigrationRunTest, LongCallsMakeTheFollowingBatchesSmaller) {
  Process(10, 1500);
  host_.kernel().set_time_per_page(absl::Milliseconds(1));
  const WorkloadMigration result = Run();
  EXPECT_THAT(observer_.batches,
              ::testing::ElementsAre(512, 256, 128, 64, 64, 64, 64, 64, 64, 64, 64, 64, 28));
  EXPECT_EQ(result.longest_call, absl::Milliseconds(512));
  EXPECT_EQ(result.call_time, absl::Milliseconds(1500));
}

TEST_F(MigrationRunTest, ProgressAddsUpAndEndsInVerifying) {
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

TEST_F(MigrationRunTest, PlanMovesNothing) {
  const auto process = Process(10, 100);
  process->AddPages(2 * kBase, 50, 1);
  host_.Publish(*process);
  const WorkloadMigration plan = PlanMigration(host_.context(), workload_, pids_, spec_, observer_);
  EXPECT_EQ(plan.state, MigrationState::kPending);
  EXPECT_EQ(plan.pages_planned, 100);
  EXPECT_EQ(plan.before.BytesOn({kNode1}, kPrivateKinds), 50 * 4096);
  EXPECT_EQ(plan.outcomes.Total(), 0);
  EXPECT_EQ(host_.kernel().CallCount(FakeCall::kMove), 0);
}

}  // namespace
}  // namespace numalocality
