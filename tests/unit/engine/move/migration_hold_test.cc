// Migrations that hold their processes still during each batch.
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

#include "absl/time/clock.h"
#include "tests/unit/engine/move/workload_mover_fixture.h"

namespace numalocality::migration_hold_test {
namespace {

using MigrationHoldTest = WorkloadMoverTest;

TEST_F(MigrationHoldTest, EveryMoveIsMadeWhileTheProcessIsHeld) {
  const auto process = Process(10, 1000);
  machine_.kernel().set_time_per_page(absl::Microseconds(10));
  spec_.hold = HoldMode::kPtrace;
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_GT(process->moves_while_held, 0);
  EXPECT_EQ(process->moves_while_running, 0);
  EXPECT_FALSE(process->is_held);
  EXPECT_EQ(result.holds.Count(), process->hold_count);
  EXPECT_EQ(result.unheld_batches, 0);
  EXPECT_GE(machine_.clock().slept(), result.holds.total / 4);  // time for itself
}

TEST_F(MigrationHoldTest, WhatCannotBeStoppedInTimeIsMovedAsItRuns) {
  const auto process = Process(10, 1000);
  machine_.kernel().FailAll(FakeCall::kHold, ETIMEDOUT);
  spec_.hold = HoldMode::kPtrace;
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(process->PagesOn(1), 1000);
  EXPECT_GT(result.unheld_batches, 0);
  EXPECT_EQ(result.holds.Count(), result.unheld_batches);  // it may have stood still meanwhile
}

TEST_F(MigrationHoldTest, AProcessIsLetGoWhenTheKernelKeepsTheCall) {
  const auto process = Process(10, 1000);
  bool was_let_go = false;
  machine_.kernel().RunAt(FakeCall::kMove, 2, [&] {
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    while (!was_let_go && absl::Now() < deadline) {
      absl::SleepFor(absl::Milliseconds(1));
      was_let_go = !machine_.kernel().IsHeld(10);
    }
  });
  spec_.hold = HoldMode::kPtrace;
  EngineContext context = machine_.context();
  context.longest_hold = absl::Milliseconds(100);
  const WorkloadMigration result = MoveWorkload(context, workload_, {pids_}, spec_, observer_);
  EXPECT_TRUE(was_let_go);
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(result.unheld_batches, 1);
  EXPECT_EQ(process->PagesOn(1), 1000);
}

TEST_F(MigrationHoldTest, ARefusedHoldEndsTheMigration) {
  const auto process = Process(10, 100);
  machine_.kernel().FailAll(FakeCall::kHold, EBUSY);
  spec_.hold = HoldMode::kPtrace;
  const WorkloadMigration result = Run();
  EXPECT_EQ(result.state, MigrationState::kFailed);
  EXPECT_EQ(result.outcomes[PageOutcome::kNotAttempted], 100);
  EXPECT_EQ(process->PagesOn(0), 100);
}

// Puts a stranger in the place of process 10 between two batches.
class ReplacingObserver final : public MigrationObserver {
 public:
  explicit ReplacingObserver(FakeMachine& machine) : machine_(machine) {}
  MigrationReason StopReason() override { return MigrationReason::kNone; }
  void OnBatch(int, pid_t, int64_t) override {
    if (++batches_ == 2) stranger = machine_.Replace(10);
  }
  void OnBatchEnd(int) override {}
  void OnProgress(const WorkloadMigration&) override {}

  std::shared_ptr<FakeProcess> stranger;

 private:
  FakeMachine& machine_;
  int batches_ = 0;
};

TEST_F(MigrationHoldTest, AStrangerWithThePidIsNotHeld) {
  Process(10, 1000);
  spec_.hold = HoldMode::kPtrace;
  ReplacingObserver observer(machine_);
  const WorkloadMigration result =
      MoveWorkload(machine_.context(), workload_, {pids_}, spec_, observer);
  ExpectEnd(result, MigrationState::kFailed, MigrationReason::kWorkloadGone);
  EXPECT_GT(result.outcomes[PageOutcome::kIdentityChanged], 0);
  EXPECT_EQ(observer.stranger->hold_count, 0);
}

TEST_F(MigrationHoldTest, AHeldProcessMayEndItsMainThread) {
  const auto process = Process(10, 1000);
  machine_.kernel().RunAt(FakeCall::kHold, 2, [&] { machine_.EndMainThread(10, 11); });
  spec_.hold = HoldMode::kPtrace;
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(process->PagesOn(1), 1000);
  EXPECT_EQ(process->moves_while_running, 0);
  EXPECT_FALSE(process->is_held);
}

}  // namespace
}  // namespace numalocality::migration_hold_test
