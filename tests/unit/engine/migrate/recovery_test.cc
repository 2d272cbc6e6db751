// Migrations that an earlier agent left unfinished.
#include "agent/engine/migrate/recovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "agent/engine/workload/workload_finder.h"
#include "tests/unit/fake/fake_machine.h"

namespace numalocality::recovery_test {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kCgroup[] = "/system.slice/db.service";

class RecoveryTest : public ::testing::Test {
 protected:
  RecoveryTest() {
    machine_.Publish(*machine_.AddProcess(10, "4-7"));
    machine_.AddCgroup(kCgroup, {10});
    machine_.WriteCgroupFile(kCgroup, "memory.numa_stat",
                             "anon N0=40960 N1=81920\nfile N0=0 N1=0\nshmem N0=0 N1=0\n");
  }

  Migration Record(MigrationState state, const WorkloadSelector& selector = {{}, {}, kCgroup, {}}) {
    Migration migration;
    migration.id = "a-1";
    migration.state = state;
    migration.create_time = machine_.clock().Now();
    machine_.clock().Advance(absl::Seconds(1));
    WorkloadMigration& result = migration.workloads.emplace_back();
    result.workload = WorkloadFinder(machine_.host()).Find(selector).value().front();
    result.state = state;
    if (state != MigrationState::kPending) {
      migration.start_time = migration.create_time;
      result.outcomes.Add(PageOutcome::kMoved, 20);
      result.before.Add(NodeId{0}, MemoryKind::kAnon, 122880);
    }
    if (IsFinal(state)) migration.end_time = machine_.clock().Now();
    return migration;
  }

  bool Recover(Migration& migration) { return RecoverInterrupted(machine_.context(), migration); }

  static int64_t After(const Migration& migration, int node) {
    return migration.workloads[0].after_restart.BytesOn({NodeId{node}}, kAllKinds);
  }

  FakeMachine machine_;
};

TEST_F(RecoveryTest, WhatHasEndedStaysAsItIs) {
  Migration migration = Record(MigrationState::kSucceeded);
  EXPECT_FALSE(Recover(migration));
  EXPECT_EQ(migration.state, MigrationState::kSucceeded);
  EXPECT_EQ(migration.reason, MigrationReason::kNone);
}

TEST_F(RecoveryTest, WhatRanWhenTheAgentWasKilledIsInterruptedAndMeasured) {
  for (const MigrationState state : {MigrationState::kRunning, MigrationState::kVerifying}) {
    Migration migration = Record(state);
    migration.workloads[0].verifications.resize(state == MigrationState::kVerifying ? 1 : 0);
    for (Verification& verification : migration.workloads[0].verifications) {
      verification.memory.Add(NodeId{1}, MemoryKind::kAnon, 1);
    }
    for (int restart = 0; restart < 2; ++restart) {
      EXPECT_EQ(Recover(migration), restart == 0) << "it is written once";
      EXPECT_EQ(migration.state, MigrationState::kPartial);
      EXPECT_EQ(migration.reason, MigrationReason::kInterrupted);
      EXPECT_EQ(migration.end_time, machine_.clock().Now());
      const WorkloadMigration& result = migration.workloads[0];
      EXPECT_EQ(result.state, MigrationState::kPartial);
      EXPECT_EQ(result.reason, MigrationReason::kInterrupted);
      EXPECT_EQ(After(migration, 0), 40960);
      EXPECT_EQ(After(migration, 1), 81920);
      EXPECT_THAT(result.message, HasSubstr("the agent exited during this migration"));
    }
  }
}

TEST_F(RecoveryTest, WhatWaitedWhenTheAgentWasKilledHasMovedNothing) {
  Migration migration = Record(MigrationState::kPending);
  EXPECT_TRUE(Recover(migration));
  EXPECT_EQ(migration.state, MigrationState::kFailed);
  EXPECT_EQ(migration.reason, MigrationReason::kInterrupted);
  EXPECT_EQ(After(migration, 1), 81920);
}

TEST_F(RecoveryTest, WhatTheAgentEndedItselfIsMeasuredToo) {
  Migration migration = Record(MigrationState::kCancelled);
  const absl::Time end = migration.end_time;
  machine_.clock().Advance(absl::Seconds(5));
  migration.reason = MigrationReason::kInterrupted;
  migration.workloads[0].reason = MigrationReason::kInterrupted;
  EXPECT_TRUE(Recover(migration));
  EXPECT_EQ(migration.state, MigrationState::kCancelled);
  EXPECT_EQ(migration.end_time, end);
  EXPECT_EQ(After(migration, 1), 81920);
}

TEST_F(RecoveryTest, AWorkloadThatHadEndedKeepsItsResult) {
  Migration migration = Record(MigrationState::kRunning);
  WorkloadMigration done = migration.workloads[0];
  done.state = MigrationState::kFailed;
  done.reason = MigrationReason::kNoRoom;
  done.message = "full";
  migration.workloads.insert(migration.workloads.begin(), done);
  EXPECT_TRUE(Recover(migration));
  EXPECT_EQ(migration.reason, MigrationReason::kInterrupted);
  EXPECT_EQ(migration.workloads[0].reason, MigrationReason::kNoRoom);
  EXPECT_EQ(migration.workloads[0].message, "full");
  EXPECT_THAT(migration.workloads[0].after_restart.nodes, IsEmpty());
  EXPECT_EQ(migration.workloads[1].reason, MigrationReason::kInterrupted);
}

TEST_F(RecoveryTest, AWorkloadThatIsGoneIsNotMeasured) {
  Migration migration = Record(MigrationState::kRunning);
  machine_.RecreateCgroup(kCgroup, {10});
  for (int restart = 0; restart < 2; ++restart) {
    EXPECT_EQ(Recover(migration), restart == 0) << "it is written once";
    EXPECT_THAT(migration.workloads[0].after_restart.nodes, IsEmpty());
    EXPECT_THAT(migration.workloads[0].message, EndsWith("started again; the workload is gone"));
  }
}

TEST_F(RecoveryTest, OneProcessIsMeasuredByItsPages) {
  const auto process = machine_.AddProcess(11, "4-7");
  process->AddPages(0x10000000, 30, 0);
  process->AddPages(0x20000000, 50, 1);
  machine_.Publish(*process);
  Migration migration = Record(MigrationState::kRunning, {{}, {}, {}, 11});
  Recover(migration);
  EXPECT_EQ(After(migration, 0), 30 * static_cast<int64_t>(kFakePage));
  EXPECT_EQ(After(migration, 1), 50 * static_cast<int64_t>(kFakePage));
  EXPECT_THAT(migration.workloads[0].message,
              EndsWith("a sample of its pages when the agent started again"));
}

TEST_F(RecoveryTest, AStrangerWithThePidIsNotMeasured) {
  machine_.Publish(*machine_.AddProcess(11, "4-7"));
  Migration migration = Record(MigrationState::kRunning, {{}, {}, {}, 11});
  const auto stranger = machine_.Replace(11);
  stranger->AddPages(0x10000000, 30, 0);
  machine_.Publish(*stranger);
  Recover(migration);
  EXPECT_THAT(migration.workloads[0].after_restart.nodes, IsEmpty());
  EXPECT_THAT(migration.workloads[0].message, EndsWith("started again; the workload is gone"));
}

}  // namespace
}  // namespace numalocality::recovery_test
