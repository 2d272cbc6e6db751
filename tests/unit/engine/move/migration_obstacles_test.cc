// Obstacles to a migration: no room, a cpuset, denied calls, processes that exit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "tests/unit/engine/move/workload_mover_fixture.h"

namespace numalocality::migration_obstacles_test {
namespace {

using ::testing::HasSubstr;

using MigrationObstaclesTest = WorkloadMoverTest;

TEST_F(MigrationObstaclesTest, StopsBeforeTheReserveIsTouched) {
  Process(10, 3000);
  constexpr int64_t kReserve = 65536 / 50;
  machine_.SetFreePages(1, kReserve + 1100);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kNoRoom);
  EXPECT_GE(result.outcomes[PageOutcome::kMoved], 1099);  // the reserve ends within a page
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved] + result.outcomes[PageOutcome::kNoMemory], 3000);
  EXPECT_GE(machine_.kernel().Memory(1).lowest_free_pages, kReserve);
  EXPECT_THAT(result.message, HasSubstr("node 1"));
}

TEST_F(MigrationObstaclesTest, TheReserveIsAtLeastTheKernelsWatermark) {
  Process(10, 3000);
  machine_.tree().Write("proc/zoneinfo", "Node 1, zone Normal\n  high 5000\n");
  machine_.SetFreePages(1, 6000);
  ExpectEnd(Run(), MigrationState::kPartial, MigrationReason::kNoRoom);
  EXPECT_EQ(machine_.kernel().Memory(1).lowest_free_pages, 5000);
}

TEST_F(MigrationObstaclesTest, AFullTargetIsNotEvenTried) {
  Process(10, 100);
  Process(11, 100);
  machine_.SetFreePages(1, 50);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kFailed, MigrationReason::kNoRoom);
  EXPECT_EQ(result.outcomes[PageOutcome::kNoMemory], 200);
  EXPECT_EQ(machine_.kernel().CallCount(FakeCall::kMove), 0);
}

TEST_F(MigrationObstaclesTest, NoMoveCallFollowsTheKernelsNoMemory) {
  Process(10, 2000);
  Process(11, 100);
  machine_.SetFreePages(1, 60000, 60000 - 700);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kNoRoom);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 700);
  EXPECT_EQ(result.outcomes[PageOutcome::kNoMemory], 1400);
  EXPECT_EQ(result.calls.Count(), 3);  // 64, 256, and the one that fails
  EXPECT_EQ(machine_.kernel().Memory(1).moves_after_no_memory, 0);
}

TEST_F(MigrationObstaclesTest, PagesInPlaceStayCountedAsThereWhenTheTargetIsFull) {
  Process(10, 100);
  Process(11, 900, 1);
  machine_.SetFreePages(1, 50);
  const WorkloadMigration result = Run();
  EXPECT_EQ(result.outcomes[PageOutcome::kAlreadyThere], 900);
  EXPECT_EQ(result.outcomes[PageOutcome::kNoMemory], 100);
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);  // 90 % are on target
}

TEST_F(MigrationObstaclesTest, RoomThatOthersTakeMeanwhileIsMissedBeforeTheNextBatch) {
  const auto process = Process(10, 3000);
  constexpr int64_t kReserve = 65536 / 50;
  machine_.kernel().RunAt(FakeCall::kMove, 3, [&] { machine_.SetFreePages(1, kReserve + 10); });
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kNoRoom);
  EXPECT_EQ(machine_.kernel().CallCount(FakeCall::kMove), 3);  // the one that was on its way
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], process->PagesOn(1));
  EXPECT_EQ(result.outcomes[PageOutcome::kNoMemory], process->PagesOn(0));
  EXPECT_EQ(result.outcomes.Total(), 3000);
}

TEST_F(MigrationObstaclesTest, RoomThatComesBackMeanwhileIsUsed) {
  const auto process = Process(10, 3000);
  constexpr int64_t kReserve = 65536 / 50;
  machine_.SetFreePages(1, kReserve + 2000);
  machine_.kernel().RunAt(FakeCall::kMove, 3, [&] { machine_.SetFreePages(1, 60000); });
  ExpectEnd(Run(), MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(process->PagesOn(1), 3000);
}

TEST_F(MigrationObstaclesTest, HugePagesStopAtTheReserveToo) {
  const auto process = HugeProcess(10, 24);
  constexpr int64_t kReserve = 65536 / 50;
  machine_.SetFreePages(1, kReserve + 20 * kFakeHugePages);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kNoRoom);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 19 * kFakeHugePages);
  EXPECT_EQ(result.outcomes[PageOutcome::kNoMemory], 5 * kFakeHugePages);
  EXPECT_GE(machine_.kernel().Memory(1).lowest_free_pages, kReserve);
}

TEST_F(MigrationObstaclesTest, APageThatBringsAHugePageAlongStopsAtTheReserveToo) {
  const auto process = HugeProcess(10, 2);
  spec_.ranges = {{0x40000000 + kFakePage, 0x40000000 + kFakeHuge - kFakePage}};
  constexpr int64_t kReserve = 65536 / 50;
  machine_.SetFreePages(1, kReserve + 500);
  ExpectEnd(Run(), MigrationState::kFailed, MigrationReason::kNoRoom);
  EXPECT_GE(machine_.kernel().Memory(1).lowest_free_pages, kReserve);
  machine_.SetFreePages(1, kReserve + 600);
  ExpectEnd(Run(), MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(process->PagesOn(1), kFakeHugePages);
}

TEST_F(MigrationObstaclesTest, WhatCameAlongWithAHugePageCountsAlsoWhenTheNextOneHadNoRoom) {
  const auto process = HugeProcess(10, 8);
  machine_.SetFreePages(1, 60000, 60000 - 3 * kFakeHugePages);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kNoRoom);
  EXPECT_EQ(process->PagesOn(1), 3 * kFakeHugePages);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 3 * kFakeHugePages);
  EXPECT_EQ(result.outcomes[PageOutcome::kNoMemory], 5 * kFakeHugePages);
  EXPECT_EQ(machine_.kernel().Memory(1).moves_after_no_memory, 0);
}

// ---- Forbidden, refused

TEST_F(MigrationObstaclesTest, ForbiddenByCpusetNamesBothMasks) {
  const auto process = Process(10, 10);
  process->allowed_nodes = {kNode0};
  machine_.Publish(*process);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kFailed, MigrationReason::kCpusetForbids);
  EXPECT_THAT(result.message, HasSubstr("allows node 0 only, but the target is node 1"));
  EXPECT_EQ(machine_.kernel().CallCount(FakeCall::kMove), 0);
}

TEST_F(MigrationObstaclesTest, OneForbiddenProcessFailsAlsoWhenTheOthersAreInPlace) {
  Process(10, 100, 1);
  const auto confined = Process(11, 10);
  confined->allowed_nodes = {kNode0};
  machine_.Publish(*confined);
  ExpectEnd(Run(), MigrationState::kFailed, MigrationReason::kCpusetForbids);
}

TEST_F(MigrationObstaclesTest, ForbiddenByCpusetInTheMiddle) {
  const auto process = Process(10, 2000);
  machine_.kernel().RunAt(FakeCall::kMove, 2, [&] { process->allowed_nodes = {kNode0}; });
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kCpusetForbids);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], process->PagesOn(1));
  EXPECT_EQ(result.outcomes[PageOutcome::kForbidden], process->PagesOn(0));
  EXPECT_GT(process->PagesOn(1), 0);
  EXPECT_GT(process->PagesOn(0), 0);
}

TEST_F(MigrationObstaclesTest, RefusedMovesSayWhatIsMissing) {
  Process(10, 10);
  machine_.kernel().FailAll(FakeCall::kMove, EPERM);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kFailed, MigrationReason::kPermissionDenied);
  EXPECT_EQ(result.outcomes[PageOutcome::kPermissionDenied], 10);
  EXPECT_THAT(result.message, HasSubstr("CAP_SYS_PTRACE"));
}

TEST_F(MigrationObstaclesTest, RefusedQueriesEndTheScan) {
  Process(10, 10);
  machine_.kernel().FailAll(FakeCall::kQuery, EPERM);
  ExpectEnd(Run(), MigrationState::kFailed, MigrationReason::kPermissionDenied);
}

// ---- Pages that old kernels deny

// By every way of scanning that such a kernel leaves.
TEST_F(MigrationObstaclesTest, HiddenPagesAreBusyHoweverTheyAreScanned) {
  for (const bool has_frames : {false, true}) {
    SCOPED_TRACE(has_frames);
    if (has_frames) machine_.ShowFrames();
    pids_.clear();
    const auto process = HugeProcess(10, 2);
    constexpr uint64_t kPages = 0x50000000;
    process->AddPages(kPages, 600, 0);
    for (uint64_t i = 0; i < 100; ++i) process->At(kPages + i * kFakePage).hidden = true;
    process->At(0x40000000).hidden = true;
    machine_.Publish(*process);
    const WorkloadMigration result = Run();
    ExpectEnd(result, MigrationState::kPartial, MigrationReason::kPagesLeft);
    EXPECT_EQ(result.pages_planned, 600 + 2 * kFakeHugePages);
    EXPECT_EQ(result.outcomes[PageOutcome::kBusy], 100 + kFakeHugePages);
    EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 500 + kFakeHugePages);
    EXPECT_EQ(result.outcomes.Total(), result.pages_planned);
    machine_.Exit(10);
  }
}

TEST_F(MigrationObstaclesTest, MemoryThatIsHiddenAltogetherIsNoSuccess) {
  const auto process = Process(10, 600);
  for (auto& [address, folio] : process->pages) folio->hidden = true;
  const WorkloadMigration result = Run();
  EXPECT_NE(result.state, MigrationState::kSucceeded);
  EXPECT_EQ(result.outcomes[PageOutcome::kBusy], 600);
  EXPECT_TRUE(result.before.nodes.empty());
}

TEST_F(MigrationObstaclesTest, APageThatIsTouchedMeanwhileIsMoved) {
  machine_.ShowFrames();
  const auto process = Process(10, 600);
  for (uint64_t i = 0; i < 100; ++i) process->At(kBase + i * kFakePage).hidden = true;
  machine_.kernel().OnMoved([&](const auto&) {
    if (process->PagesOn(1) < 500) return;
    for (auto& [address, folio] : process->pages) folio->hidden = false;
  });
  EXPECT_EQ(Run().outcomes[PageOutcome::kMoved], 600);
}

TEST_F(MigrationObstaclesTest, PagesThatAreHiddenAfterTheirMoveHaveNotDrifted) {
  const auto process = Process(10, 600);
  machine_.kernel().OnMoved([&](const auto&) {
    if (process->PagesOn(1) == 600) process->At(kBase).hidden = true;
  });
  const WorkloadMigration result = Run();
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 600);
  EXPECT_EQ(result.drifted_pages, 0);
}

// ---- Processes that leave

TEST_F(MigrationObstaclesTest, AllProcessesGoneBeforeIsWorkloadGone) {
  Process(10, 10);
  Process(11, 10);
  machine_.Exit(10);
  machine_.Exit(11);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kFailed, MigrationReason::kWorkloadGone);
  EXPECT_EQ(result.vanished_process_count, 2);
  EXPECT_EQ(result.outcomes.Total(), 0);
}

TEST_F(MigrationObstaclesTest, AllProcessesGoneInTheMiddle) {
  Process(10, 2000);
  Process(11, 1000);
  machine_.kernel().RunAt(FakeCall::kMove, 3, [&] {
    machine_.Exit(10);
    machine_.Exit(11);
  });
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kFailed, MigrationReason::kWorkloadGone);
  EXPECT_EQ(result.vanished_process_count, 2);
  EXPECT_EQ(result.outcomes.Total(), 3000);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved] + result.outcomes[PageOutcome::kVanished], 3000);
}

TEST_F(MigrationObstaclesTest, SomeProcessesGoneIsPartial) {
  Process(10, 1000);
  const auto stays = Process(11, 1000);
  machine_.kernel().RunAt(FakeCall::kMove, 2, [&] { machine_.Exit(10); });
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kWorkloadGone);
  EXPECT_EQ(result.vanished_process_count, 1);
  EXPECT_EQ(result.outcomes.Total(), 2000);
  EXPECT_EQ(stays->PagesOn(1), 1000);
}

TEST_F(MigrationObstaclesTest, AProcessThatExitsAsItIsScannedHasVanished) {
  // A zombie's maps and pagemap read as empty: no error shows that it is gone.
  Process(10, 1000);
  machine_.kernel().RunAt(1,
                          [&] { machine_.BecomeZombie(10); });  // right after the PID is resolved
  ExpectEnd(Run(), MigrationState::kFailed, MigrationReason::kWorkloadGone);
}

TEST_F(MigrationObstaclesTest, AProcessThatExitsBeforeVerificationHasVanished) {
  Process(10, 100);
  const auto stays = Process(11, 100);
  // Each is scanned twice before it is moved; the third scan is verification.
  machine_.kernel().RunAt(FakeCall::kQuery, 5, [&] { machine_.BecomeZombie(10); });
  const WorkloadMigration result = Run();
  EXPECT_EQ(result.vanished_process_count, 1);
  EXPECT_EQ(result.pages_on_target, 100);
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kWorkloadGone);
  EXPECT_EQ(stays->PagesOn(1), 100);
}

TEST_F(MigrationObstaclesTest, AStrangerWithThePidIsLeftAlone) {
  Process(10, 2000);
  std::shared_ptr<FakeProcess> stranger;
  machine_.kernel().RunAt(FakeCall::kMove, 2, [&] {
    stranger = machine_.Replace(10);
    stranger->AddPages(kBase, 2000, 0);
    machine_.Publish(*stranger);
  });
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kFailed, MigrationReason::kWorkloadGone);
  EXPECT_GT(result.outcomes[PageOutcome::kIdentityChanged], 0);
  EXPECT_EQ(result.outcomes.Total(), 2000);
  EXPECT_LE(stranger->PagesOn(1), 256);  // one call may hit it, before it can be noticed
}

TEST_F(MigrationObstaclesTest, AProcessOutsideOfTheWorkloadIsLeftAlone) {
  // The PID belonged to the workload when its processes were listed.
  const auto member = Process(10, 10);
  const auto outsider = Process(11, 10);
  machine_.AddCgroup("/pod/below", {10});
  machine_.AddCgroup("/pod2", {11});
  workload_.cgroup_path = "/pod";
  const WorkloadMigration result = Run();
  EXPECT_EQ(result.vanished_process_count, 1);
  EXPECT_EQ(member->PagesOn(1), 10);
  EXPECT_EQ(outsider->PagesOn(1), 0);
}

TEST_F(MigrationObstaclesTest, AProcessWorkloadWhosePidWasReusedIsGone) {
  const auto process = Process(10, 10);
  workload_.process = ProcessId{10, process->start_ticks + 1};
  ExpectEnd(Run(), MigrationState::kFailed, MigrationReason::kWorkloadGone);
  EXPECT_EQ(process->PagesOn(0), 10);
}

}  // namespace
}  // namespace numalocality::migration_obstacles_test
