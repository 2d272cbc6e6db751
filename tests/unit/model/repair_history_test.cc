#include "agent/model/repair_history.h"

#include <gtest/gtest.h>

#include <string>

#include "agent/model/repair_decision.h"

namespace numalocality::repair_history_test {
namespace {

constexpr int64_t kMi = int64_t{1} << 20;
constexpr int64_t kPages = 25600;  // 100 MiB
constexpr NodeId kNode0{0};
constexpr NodeId kNode1{1};
constexpr absl::Duration kCooldown = absl::Minutes(5);

// One workload at home on node 1, its policy, and a clock.
class RepairHistoryTest : public ::testing::Test {
 protected:
  RepairHistoryTest() {
    policy_.action = PolicyAction::kRepair;
    topology_.nodes[kNode0].cpus = CpuSet::Parse("0-3").value();
    topology_.nodes[kNode1].cpus = CpuSet::Parse("4-7").value();
    for (auto& [id, node] : topology_.nodes) node.has_memory = true;
    report_.placement.home_nodes = {kNode1};
    report_.placement.allowed_nodes = {kNode0, kNode1};
    SetLocal(0.2);
  }

  // The workload's memory as the next report shows it: 1000 MiB, so much of it at home.
  void SetLocal(double fraction) {
    const auto local = static_cast<int64_t>(fraction * 1000);
    report_.placement.memory = {};
    report_.placement.memory.Add(kNode1, MemoryKind::kAnon, local * kMi);
    report_.placement.memory.Add(kNode0, MemoryKind::kAnon, (1000 - local) * kMi);
  }

  // A repair ends now, which found `before` of it local and left `after`.
  Migration Repair(double before, double after) const {
    Migration migration;
    migration.ended_at = now_;
    migration.estimate.emplace().local_before = before;
    migration.estimate->local_after = after;
    WorkloadMigration& result = migration.workloads.emplace_back();
    result.state = MigrationState::kSucceeded;
    result.target_nodes = {kNode1};
    result.outcomes.Add(PageOutcome::kMoved, kPages);
    return migration;
  }
  void Take(const Migration& migration, bool by_policy = true) {
    history_ =
        AfterMigration(history_, migration, migration.workloads[0], by_policy ? &policy_ : nullptr);
  }
  void Report() { history_ = AfterReport(history_, report_, &policy_, now_); }

  RepairDecision Decide() {
    Report();
    RepairFacts facts;
    facts.now = now_;
    facts.room_bytes = {{kNode0, 10000 * kMi}, {kNode1, 10000 * kMi}};
    return DecideRepair(report_, {&policy_, RepairReason::kRemote, ""}, history_, topology_, facts)
        .decision;
  }
  std::string Reason() { return std::string(KeyOf(Decide().reason)); }

  absl::Duration now_ = absl::Hours(1);
  LocalityPolicy policy_;
  Topology topology_;
  WorkloadReport report_;
  RepairHistory history_;
};

TEST_F(RepairHistoryTest, TheCooldownDoublesWhileRepairsDoNotHelp) {
  EXPECT_EQ(Reason(), "remote");
  for (const int64_t factor : {2, 4, 8}) {
    Take(Repair(0.2, 0.205));
    const RepairDecision decision = Decide();
    EXPECT_EQ(decision.reason, RepairReason::kCoolingDown);
    EXPECT_EQ(decision.next, now_ + factor * kCooldown);
    now_ = decision.next;
    EXPECT_EQ(Reason(), "remote");
  }
  Take(Repair(0.2, 0.95));
  EXPECT_EQ(history_.Cooldown(policy_), kCooldown) << "one that helps ends it";
}

TEST_F(RepairHistoryTest, TheCooldownDoesNotGrowForEver) {
  history_.fruitless = 40;
  history_.undone = 40;
  EXPECT_EQ(history_.Cooldown(policy_), 64 * kCooldown);
}

TEST_F(RepairHistoryTest, GivesUpAfterFourThatDidNotHelp) {
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(Reason(), "remote") << i;
    Take(Repair(0.2, 0.2));
    now_ += history_.Cooldown(policy_);
  }
  EXPECT_EQ(history_.fruitless, 4);
  // 80 minutes of cool-down are longer than the 72 of giving up.
  now_ -= absl::Minutes(9);
  EXPECT_EQ(Reason(), "gave_up");
}

TEST_F(RepairHistoryTest, GivesUpAfterFourThatWereUndone) {
  for (int i = 0; i < 4; ++i) {
    SetLocal(0.2);
    EXPECT_EQ(Reason(), "remote") << i;
    Take(Repair(0.2, 0.95));
    SetLocal(0.95);
    EXPECT_EQ(Reason(), "local") << i;
    now_ += absl::Seconds(10);
    SetLocal(0.2);
    Report();
    EXPECT_EQ(history_.undone, i + 1);
    Report();
    EXPECT_EQ(history_.undone, i + 1) << "each counts once";
    if (i < 3) now_ += history_.Cooldown(policy_);
  }
  EXPECT_EQ(Reason(), "ping_pong");
}

// Someone who moves it back while it is moved lets no repair come to its threshold.
TEST_F(RepairHistoryTest, HalfARepairCanBeUndoneToo) {
  Take(Repair(0.0, 0.5));
  SetLocal(0.26);
  Report();
  EXPECT_EQ(history_.undone, 0) << "it has kept more than half";
  SetLocal(0.24);
  Report();
  EXPECT_EQ(history_.undone, 1);
}

// Its home is only that of its cgroup: another home is no flip, and no reason to try again.
TEST_F(RepairHistoryTest, AReportOfAWorkloadThatIsTooLargeChangesNothing) {
  history_.fruitless = 4;
  history_.stuck_bytes = 7 * kMi;
  report_.placement.state = PlacementState::kTooLarge;
  report_.home_since = now_;
  Report();
  EXPECT_EQ(history_.fruitless, 4);
  EXPECT_EQ(history_.stuck_bytes, 7 * kMi);
  EXPECT_TRUE(history_.flips.empty());
}

TEST_F(RepairHistoryTest, MemoryThatStaysAtHomeForLongMakesUpForTheWorst) {
  history_.undone = 3;
  Take(Repair(0.2, 0.95));
  SetLocal(0.95);
  now_ += 10 * kCooldown;
  Report();
  EXPECT_EQ(history_.undone, 3);
  now_ += absl::Seconds(1);
  Report();
  EXPECT_EQ(history_.undone, 0);
}

TEST_F(RepairHistoryTest, AnotherHomeIsANewStart) {
  Take(Repair(0.2, 0.2));
  history_.undone = 2;
  history_.stuck_bytes = 500 * kMi;
  now_ += absl::Seconds(1);
  report_.home_since = now_;
  Report();
  EXPECT_EQ(history_.fruitless, 0);
  EXPECT_EQ(history_.undone, 0);
  EXPECT_EQ(history_.stuck_bytes, 0);
  EXPECT_EQ(history_.Cooldown(policy_), kCooldown);
  now_ += policy_.settle;
  EXPECT_EQ(Reason(), "cooling_down") << "yet no more repairs than the cool-down allows";
}

// 50 changes of home in 50 seconds: not one repair more than the cool-down allows, and one in the
// end, once it has been calm.
TEST_F(RepairHistoryTest, HomesThatChangeAgainAndAgainAreLeftUntilItIsCalm) {
  policy_.settle = absl::ZeroDuration();
  policy_.cooldown = absl::Seconds(10);
  int repairs = 0;
  const absl::Duration start = now_;
  for (int i = 0; i < 50; ++i) {
    now_ += absl::Seconds(1);
    report_.home_since = now_;
    if (Decide().verdict != RepairVerdict::kRepair) continue;
    ++repairs;
    Take(Repair(0.2, 0.95));
  }
  EXPECT_GE(repairs, 1);
  EXPECT_LE(repairs, 5);
  EXPECT_LE(history_.flips.size(), 16u);
  const RepairDecision decision = Decide();
  EXPECT_EQ(decision.reason, RepairReason::kPingPong);
  EXPECT_EQ(decision.next, start + absl::Seconds(60));
  now_ = decision.next;
  EXPECT_EQ(Reason(), "remote");
}

TEST_F(RepairHistoryTest, AFlipIsCountedOnce) {
  now_ += absl::Seconds(1);
  report_.home_since = now_;
  for (int i = 0; i < 10; ++i) Report();
  EXPECT_EQ(history_.flips.size(), 1u);
}

// systemd's cgroup driver: runc and systemd write the same CPUs one after the other.
TEST_F(RepairHistoryTest, StepsOfOneRepinAreOneFlip) {
  for (const int milliseconds : {1000, 1300, 1990, 2000, 2999}) {
    report_.home_since = now_ + absl::Milliseconds(milliseconds);
    Report();
  }
  EXPECT_EQ(history_.flips.size(), 2u);
}

// Files in a tmpfs that nobody has mapped are charged to it, and no scan finds them.
TEST_F(RepairHistoryTest, WhatIsLeftByARepairThatWasThroughIsNotTriedAgain) {
  Migration migration = Repair(0.2, 0.6);
  migration.estimate->remote_after = 400 * kMi;
  Take(migration);
  EXPECT_EQ(history_.stuck_bytes, 400 * kMi);
  now_ += kCooldown;
  SetLocal(0.6);
  EXPECT_EQ(Reason(), "gave_up");
  EXPECT_EQ(history_.undone, 0) << "nobody has taken anything away";
}

TEST_F(RepairHistoryTest, WhatWasTriedInVainIsNotTriedAgain) {
  Migration migration = Repair(0.2, 0.9);
  migration.estimate->remote_after = 100 * kMi;
  OutcomeCounts& outcomes = migration.workloads[0].outcomes;
  migration.page_bytes = 65536;
  for (const PageOutcome outcome : {PageOutcome::kBusy, PageOutcome::kPinned, PageOutcome::kShared,
                                    PageOutcome::kNotMigratable, PageOutcome::kPermissionDenied}) {
    outcomes.Add(outcome, 16);  // 1 MiB
  }
  // What there was no room or no time for is another matter, as is what a cpuset forbade.
  outcomes.Add(PageOutcome::kNoMemory, 16);
  outcomes.Add(PageOutcome::kForbidden, 16);
  outcomes.Add(PageOutcome::kNotAttempted, 16);
  Take(migration);
  EXPECT_EQ(history_.stuck_bytes, 5 * kMi);
  // A page that many processes share was tried in each.
  migration.estimate->remote_after = 2 * kMi;
  Take(migration);
  EXPECT_EQ(history_.stuck_bytes, 2 * kMi);
}

TEST_F(RepairHistoryTest, ATargetThatWentOfflineSaysNothingAboutThePages) {
  Migration migration = Repair(0.2, 0.2);
  migration.workloads[0].reason = MigrationReason::kNodeGone;
  migration.estimate->remote_after = 800 * kMi;
  Take(migration);
  EXPECT_EQ(history_.fruitless, 0);
  EXPECT_EQ(history_.stuck_bytes, 0);
  now_ += kCooldown;
  EXPECT_EQ(Reason(), "remote") << "it is tried again";
}

TEST_F(RepairHistoryTest, OthersMigrationsCountForTheCooldownOnly) {
  Take(Repair(0.2, 0.2), false);
  EXPECT_EQ(history_.last_end, now_);
  EXPECT_EQ(history_.fruitless, 0);
  EXPECT_EQ(history_.half_lost, 0);
}

TEST_F(RepairHistoryTest, ARepairThatWasCutShortShowsNothing) {
  for (const auto& [state, reason] :
       {std::pair(MigrationState::kCancelled, MigrationReason::kCancelled),
        std::pair(MigrationState::kCancelled, MigrationReason::kInterrupted),
        std::pair(MigrationState::kPartial, MigrationReason::kInterrupted)}) {
    Migration migration = Repair(0.2, 0.2);
    migration.workloads[0].state = state;
    migration.workloads[0].reason = reason;
    Take(migration);
    EXPECT_EQ(history_.last_end, now_);
    EXPECT_EQ(history_.fruitless, 0);
  }
}

// What the agent finds at its own start has been so for ever, as far as it knows.
TEST_F(RepairHistoryTest, TheFirstReportAfterARestartKeepsWhatWasRestored) {
  for (int i = 0; i < 2; ++i) Take(Repair(0.2, 0.2));
  history_.undone = 1;
  now_ += absl::Seconds(1);
  report_.home_since = -absl::InfiniteDuration();
  Report();
  EXPECT_EQ(history_.fruitless, 2);
  EXPECT_EQ(history_.undone, 1);
  EXPECT_TRUE(history_.flips.empty());
  EXPECT_EQ(Reason(), "cooling_down");
}

// The home changed while the repair ran: nobody has taken the memory away from it.
TEST_F(RepairHistoryTest, AHomeThatChangesWhileItRunsUndoesNothing) {
  report_.home_since = now_;
  now_ += absl::Seconds(1);
  Migration migration = Repair(0.2, 0.95);
  migration.workloads[0].target_nodes = {kNode0};
  Take(migration);
  SetLocal(0.05);
  Report();
  EXPECT_EQ(history_.undone, 0);
}

// An agent that starts has its predecessor's repairs only, and no report from between them.
TEST_F(RepairHistoryTest, RepairsOfAnEarlierAgentThatWereUndoneCount) {
  for (int i = 0; i < 3; ++i) Take(Repair(0.2, 0.95));
  EXPECT_EQ(history_.undone, 2);
  Migration elsewhere = Repair(0.1, 0.95);
  elsewhere.workloads[0].target_nodes = {kNode0};
  Take(elsewhere);
  EXPECT_EQ(history_.undone, 2) << "it went there since its home did";
}

TEST_F(RepairHistoryTest, ARepairThatCouldNotBeMeasuredShowsNothing) {
  Migration migration = Repair(0.2, 0.2);
  migration.estimate->local_after.reset();
  Take(migration);
  EXPECT_EQ(history_.fruitless, 0);
}

// Without a cool-down, too, what is in vain is tried less and less often, and then not.
TEST_F(RepairHistoryTest, NoCooldownIsNoLicenceToTryForEver) {
  policy_.cooldown = absl::ZeroDuration();
  EXPECT_EQ(history_.Cooldown(policy_), absl::ZeroDuration());
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(Reason(), "remote") << i;
    Take(Repair(0.2, 0.2));
    EXPECT_EQ(Reason(), i < 3 ? "cooling_down" : "gave_up");
    now_ += history_.Cooldown(policy_);
  }
  EXPECT_EQ(Reason(), "gave_up");
}

}  // namespace
}  // namespace numalocality::repair_history_test
