#include "agent/engine/repair/policy_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <thread>

#include "tests/unit/engine/repair/policy_loop_fixture.h"

namespace numalocality::policy_loop_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(PolicyLoopTest, MemoryFollowsItsCpus) {
  const auto process = AddContainer('a', 10, "0-3");
  Tick();
  EXPECT_EQ(Reason('a'), "local");
  Pin('a', 10, "4-7");
  EXPECT_EQ(Reason('a'), "remote");
  Migrate();
  EXPECT_EQ(Reason('a'), "local");
  EXPECT_GE(process->PagesOn(1), kPages * 98 / 100);
  ASSERT_THAT(Migrations(), SizeIs(1));
  const Migration record = Migrations()[0];
  EXPECT_EQ(record.state, MigrationState::kSucceeded);
  EXPECT_EQ(record.request.origin, MigrationOrigin::kPolicy);
  EXPECT_EQ(record.request.policy, "keep");
  EXPECT_EQ(record.request.trigger, "cpuset.cpus of " + Path('a') + " written");
  ASSERT_TRUE(record.estimate.has_value());
  EXPECT_NEAR(static_cast<double>(record.estimate->bytes), 980.0 * kPage, kPage);
  EXPECT_EQ(record.estimate->local_before, 0);
  EXPECT_GE(record.estimate->local_after.value(), 0.98);
  const Totals totals = totals_.Read();
  EXPECT_EQ(totals.migrations.at({MigrationOrigin::kPolicy, MigrationState::kSucceeded}), 1);
  EXPECT_EQ(totals.decisions.at({RepairVerdict::kRepair, RepairReason::kRemote}), 1);
  EXPECT_EQ(totals.decisions.at({RepairVerdict::kLeave, RepairReason::kLocal}), 2);
  EXPECT_EQ(totals.repairs_without_gain, 0);
}

TEST_F(PolicyLoopTest, ObservingMovesNothing) {
  policy().action = PolicyAction::kObserve;
  AddContainer('a', 10, "4-7");
  Tick();
  TickLater(absl::Minutes(1));
  EXPECT_EQ(Reason('a'), "observed");
  EXPECT_THAT(DecisionOn('a').message, HasSubstr("0.0% of it is local"));
  EXPECT_THAT(Migrations(), IsEmpty());
}

TEST_F(PolicyLoopTest, WaitsUntilTheCpusHaveSettled) {
  policy().settle = absl::Seconds(10);
  AddContainer('a', 10, "0-3");
  Tick();
  EXPECT_EQ(Pin('a', 10, "4-7"), machine_.clock().Monotonic() + absl::Seconds(10));
  EXPECT_EQ(Reason('a'), "settling");
  TickLater(absl::Seconds(9));
  EXPECT_EQ(Reason('a'), "settling");
  TickLater(absl::Seconds(1));
  EXPECT_EQ(Reason('a'), "remote");
  EXPECT_THAT(Migrations()[0].request.trigger, HasSubstr("cpuset.cpus"));
}

TEST_F(PolicyLoopTest, FiftyChangesInFiftySecondsMakeFewMigrationsAndEndLocal) {
  policy().cooldown = absl::Seconds(10);
  const auto process = AddContainer('a', 10, "0-3");
  Tick();
  for (int i = 0; i < 50; ++i) {
    machine_.clock().Advance(absl::Seconds(1));
    Pin('a', 10, i % 2 == 0 ? "4-7" : "0-3");
    Migrate();
  }
  Pin('a', 10, "4-7");
  EXPECT_GE(Migrations().size(), 1u);
  EXPECT_LE(Migrations().size(), 6u);
  const size_t until_calm = Migrations().size();
  for (int i = 0; i < 60; ++i) {
    TickLater(absl::Seconds(1));
    Migrate();
  }
  EXPECT_EQ(Reason('a'), "local");
  EXPECT_GE(process->PagesOn(1), kPages * 95 / 100);
  EXPECT_LE(Migrations().size(), until_calm + 1);
}

TEST_F(PolicyLoopTest, AReservationKeepsItOffUntilItEnds) {
  AddContainer('a', 10, "4-7");
  const auto reservation =
      migrator_.reservations().Reserve({{Find('a')}, "", absl::Seconds(20), "", "a scheduler"});
  ASSERT_TRUE(reservation.ok()) << reservation.status();
  EXPECT_EQ(Tick(), reservation->expires_at);
  EXPECT_EQ(Reason('a'), "reserved");
  EXPECT_THAT(DecisionOn('a').message, HasSubstr("a scheduler"));
  TickLater(absl::Seconds(19));
  EXPECT_THAT(Migrations(), IsEmpty());
  TickLater(absl::Seconds(1));
  EXPECT_EQ(Reason('a'), "remote");
}

TEST_F(PolicyLoopTest, AMigrationOnRequestKeepsItOffAndStartsTheCooldown) {
  policy().cooldown = absl::Seconds(20);
  AddContainer('a', 10, "4-7");
  MigrationRequest request;
  request.workloads = {{{}, {}, Path('a'), {}}};
  request.spec.target_nodes = {NodeId{0}};
  const auto submitted = migrator_.Submit(request);
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  Tick();
  EXPECT_EQ(Reason('a'), "migrating");
  EXPECT_THAT(DecisionOn('a').message, HasSubstr(submitted->id));
  Migrate();
  EXPECT_EQ(Reason('a'), "cooling_down");
  EXPECT_THAT(Migrations(), SizeIs(1));
  TickLater(absl::Seconds(20));
  EXPECT_EQ(Reason('a'), "remote");
}

TEST_F(PolicyLoopTest, WhatIsRefusedIsAskedForAgainLater) {
  policy().stick = StickMode::kCpusetMems;  // without a runtime
  AddContainer('a', 10, "4-7");
  EXPECT_EQ(Tick(), machine_.clock().Monotonic() + RepairJobs::kRefusedFor);
  EXPECT_EQ(Reason('a'), "refused");
  EXPECT_THAT(DecisionOn('a').message, HasSubstr("cri"));
  TickLater(absl::Seconds(10));
  EXPECT_EQ(Reason('a'), "refused");
  policy().stick = StickMode::kNone;
  loop_.Wake();
  EXPECT_EQ(Tick(), machine_.clock().Monotonic() + absl::Seconds(20)) << "as soon as it may";
  EXPECT_EQ(Reason('a'), "refused");
  TickLater(absl::Seconds(20));
  EXPECT_EQ(Reason('a'), "remote");
}

TEST_F(PolicyLoopTest, AWorkloadThatIsGoneIsForgotten) {
  AddContainer('a', 10, "0-3");
  AddContainer('b', 20, "0-3");
  Tick();
  machine_.RemoveCgroup(Path('a'));
  CgroupNews news;
  news.tree_changed = true;
  machine_.clock().Advance(PolicyLoop::kWalkInterval);
  loop_.Tick(news);
  ASSERT_THAT(board_.Latest()->workloads, SizeIs(1));
  EXPECT_EQ(board_.Latest()->workloads[0]->placement.workload.cgroup_path, Path('b'));
}

TEST_F(PolicyLoopTest, AWorkloadThatGoesDuringItsRepair) {
  AddContainer('a', 10, "4-7");
  AddContainer('b', 20, "0-3");
  Tick();
  EXPECT_THAT(Migrations(), SizeIs(1));
  machine_.Exit(10);
  machine_.RemoveCgroup(Path('a'));
  Migrate();
  EXPECT_EQ(Migrations()[0].reason, MigrationReason::kWorkloadGone);
  EXPECT_EQ(Reason('b'), "local");
}

TEST_F(PolicyLoopTest, ANewContainerIsFoundSoonAndSettles) {
  policy().settle = absl::Seconds(10);
  AddContainer('a', 10, "0-3");
  Tick();
  AddContainer('b', 20, "4-7");
  CgroupNews news;
  news.tree_changed = true;
  const absl::Duration walk = machine_.clock().Monotonic() + PolicyLoop::kWalkInterval;
  EXPECT_EQ(loop_.Tick(news), walk) << "a storm of them is one walk a second";
  EXPECT_THAT(board_.Latest()->workloads, SizeIs(1));
  TickLater(PolicyLoop::kWalkInterval);
  EXPECT_EQ(Reason('b'), "settling");
  TickLater(absl::Seconds(10));
  EXPECT_EQ(Reason('b'), "remote");
  EXPECT_EQ(Migrations()[0].request.trigger, "containers were created or removed");
}

TEST_F(PolicyLoopTest, ACgroupThatIsRecreatedIsAnotherWorkload) {
  policy().settle = absl::Seconds(10);
  const auto process = AddContainer('a', 10, "4-7");
  Tick();
  Migrate();
  for (auto& [address, folio] : process->pages) folio->node = 0;
  ShowAll();
  TickLater(configuration_->period);
  EXPECT_EQ(Reason('a'), "cooling_down");
  ASSERT_TRUE(migrator_.reservations().Reserve({{Find('a')}, "", absl::Hours(1)}).ok());
  loop_.Wake();
  Tick();
  EXPECT_EQ(Reason('a'), "reserved");

  machine_.RecreateCgroup(Path('a'), {10});
  ShowAll();
  CgroupNews news;
  news.tree_changed = true;
  machine_.clock().Advance(PolicyLoop::kWalkInterval);
  loop_.Tick(news);
  EXPECT_EQ(Reason('a'), "settling") << "neither its cool-down nor its reservation";
  TickLater(absl::Seconds(10));
  EXPECT_EQ(Reason('a'), "remote");
  const WorkloadPlacement placement = board_.Latest()->workloads[0]->placement;
  EXPECT_EQ(placement.workload.cgroup_id, Find('a').cgroup_id);
}

// A repair of container a under an earlier agent, a minute ago, that was of no help.
Migration EarlierRepair(const Workload& workload, absl::Duration end) {
  Migration migration;
  migration.id = "earlier";
  migration.state = MigrationState::kPartial;
  migration.request.origin = MigrationOrigin::kPolicy;
  migration.request.policy = "keep";
  migration.estimate.emplace().local_after = 0;
  migration.started_at = end - absl::Seconds(1);
  migration.ended_at = end;
  WorkloadMigration& result = migration.workloads.emplace_back();
  result.workload = workload;
  result.state = MigrationState::kPartial;
  result.target_nodes = {NodeId{1}};
  result.outcomes.Add(PageOutcome::kNoMemory, 1000);
  return migration;
}

TEST_F(PolicyLoopTest, RemembersWhatEarlierAgentsHaveTried) {
  AddContainer('a', 10, "4-7");
  const absl::Duration end = machine_.clock().Monotonic() - absl::Minutes(1);
  loop_.Restore({EarlierRepair(Find('a'), end)});
  Tick();
  EXPECT_EQ(Reason('a'), "cooling_down");
  EXPECT_EQ(DecisionOn('a').next, end + 2 * policy().cooldown);
  TickLater(absl::Minutes(9));
  EXPECT_EQ(Reason('a'), "remote");
  EXPECT_EQ(totals_.Read().repairs_without_gain, 0) << "counted by the agent that made it";
}

TEST_F(PolicyLoopTest, GivesUpAlsoAcrossARestart) {
  AddContainer('a', 10, "4-7");
  const auto repair = EarlierRepair(Find('a'), machine_.clock().Monotonic() - absl::Minutes(1));
  loop_.Restore({repair, repair, repair, repair});
  // The first event may be for another cgroup.
  AddContainer('b', 20, "0-3");
  CgroupNews news;
  news.written[Path('b')] = "cpuset.cpus";
  loop_.Tick(news);
  EXPECT_EQ(Reason('a'), "gave_up");
  TickLater(absl::Minutes(1));
  EXPECT_EQ(Reason('a'), "gave_up");
  EXPECT_THAT(Migrations(), IsEmpty());
}

TEST_F(PolicyLoopTest, WhatIsUnknownIsAskedForAndActedOnOnceItIsKnown) {
  description_ = {};
  AddContainer('a', 10, "4-7");
  Tick();
  EXPECT_EQ(Reason('a'), "labels_unknown");
  EXPECT_GT(name_requests_, 0);
  description_ = {{"prod", "db-0", "mysql"}, PodMetadata(), {}};
  loop_.Wake();
  Tick();
  EXPECT_EQ(Reason('a'), "remote");
  EXPECT_EQ(board_.Latest()->workloads[0]->placement.workload.names.pod, "db-0");
}

TEST_F(PolicyLoopTest, OneRepairAtATimeUnlessMoreMayRun) {
  AddContainer('a', 10, "4-7");
  AddContainer('b', 20, "4-7");
  Tick();
  EXPECT_EQ(Reason('a'), "remote");
  EXPECT_EQ(Reason('b'), "busy");
  EXPECT_THAT(Migrations(), SizeIs(1));
  Migrate();
  EXPECT_THAT(Migrations(), SizeIs(2));
  Migrate();
  EXPECT_EQ(Reason('b'), "local");
}

TEST_F(PolicyLoopTest, ARepairThatTakesTooLongQueuesUpBehindOthers) {
  policy().cooldown = absl::ZeroDuration();
  machine_.kernel().set_time_per_page(absl::Seconds(1));
  AddContainer('a', 10, "4-7");
  AddContainer('b', 20, "4-7");
  Tick();
  EXPECT_EQ(Reason('a'), "remote");
  const absl::Duration start = machine_.clock().Monotonic();
  Migrate();
  EXPECT_LT(machine_.clock().Monotonic() - start, absl::Minutes(10));
  ASSERT_THAT(Migrations(), SizeIs(2));
  EXPECT_EQ(Reason('b'), "remote");
  EXPECT_EQ(Reason('a'), "busy");
}

TEST_F(PolicyLoopTest, MemoryThatLeavesItsHomeLaterHasATriggerOfItsOwn) {
  const auto process = AddContainer('a', 10, "0-3");
  Tick();
  Pin('a', 10, "4-7");
  Migrate();
  EXPECT_EQ(Reason('a'), "local");
  machine_.clock().Advance(absl::Hours(1));
  for (auto& [address, folio] : process->pages) folio->node = 0;
  ShowAll();
  Tick();
  ASSERT_THAT(Migrations(), SizeIs(2));
  EXPECT_EQ(Migrations()[1].request.trigger, "timer");
}

TEST_F(PolicyLoopTest, ANewPolicyFindsItsCgroupsAtOnce) {
  AddContainer('a', 10, "0-3");
  machine_.AddProcess(30, "0-3");
  machine_.AddCgroup("/postgresql.service", {30});
  Tick();
  EXPECT_THAT(board_.Latest()->workloads, SizeIs(1));
  auto changed = std::make_shared<Configuration>(*configuration_);
  changed->policies.emplace_back().selector.cgroup_paths = {"/postgresql.service"};
  configuration_ = changed;
  loop_.Wake();
  machine_.clock().Advance(PolicyLoop::kWalkInterval);
  Tick();
  EXPECT_THAT(board_.Latest()->workloads, SizeIs(2));
}

TEST_F(PolicyLoopTest, AWalkThatFailsIsMadeAgainSoon) {
  AddContainer('a', 10, "0-3");
  Tick();
  machine_.tree().Remove("sys/fs/cgroup/cgroup.controllers");
  AddContainer('b', 20, "0-3");
  CgroupNews news;
  news.tree_changed = true;
  machine_.clock().Advance(PolicyLoop::kWalkInterval);
  loop_.Tick(news);
  EXPECT_THAT(board_.Latest()->workloads, SizeIs(1));
  machine_.tree().Write("sys/fs/cgroup/cgroup.controllers", "cpuset cpu memory\n");
  TickLater(PolicyLoop::kWalkInterval);
  EXPECT_THAT(board_.Latest()->workloads, SizeIs(2));
}

TEST_F(PolicyLoopTest, NothingComesBackToANodeThatWasEvacuated) {
  AddContainer('a', 10, "0-3");
  const auto other = AddContainer('b', 20, "0-3");
  MigrationRequest request;
  request.evacuation.emplace();
  request.evacuation->node = NodeId{0};
  request.evacuation->keep_clear = absl::Minutes(7);
  policy().cooldown = absl::Seconds(1);
  configuration_->limits.concurrent_migrations = 3;  // two repairs
  Tick();
  for (auto& [address, folio] : other->pages) folio->node = 1;
  ShowAll();
  ASSERT_TRUE(migrator_.Submit(request).ok());
  Tick();
  TickLater(absl::Minutes(8));  // it takes longer than that
  EXPECT_EQ(Reason('b'), "node_cleared");
  Migrate();
  TickLater(absl::Minutes(1));
  EXPECT_EQ(Reason('a'), "node_cleared");
  TickLater(absl::Minutes(6));
  EXPECT_EQ(Reason('a'), "remote");
}

TEST_F(PolicyLoopTest, AnEvacuatedNodeStaysClearAcrossARestart) {
  AddContainer('a', 10, "4-7");
  Migration evacuation;
  evacuation.state = MigrationState::kSucceeded;
  evacuation.ended_at = machine_.clock().Monotonic() - absl::Minutes(1);
  evacuation.request.evacuation.emplace();
  evacuation.request.evacuation->node = NodeId{1};
  evacuation.request.evacuation->keep_clear = absl::Minutes(7);
  loop_.Restore({evacuation});
  Tick();
  EXPECT_EQ(Reason('a'), "node_cleared");
  TickLater(absl::Minutes(6));
  EXPECT_EQ(Reason('a'), "remote");
}

TEST_F(PolicyLoopTest, ReportsWhetherChangesAreNoticedAtOnce) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UBSan, built together with ASan, needs file descriptors for its own checks";
#endif
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{3, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  loop_.Start();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(absl::IsResourceExhausted(loop_.watch_status())) << loop_.watch_status();
  loop_.Stop();
}

TEST_F(PolicyLoopTest, WithoutATopologyItTriesAgainNextPeriod) {
  machine_.tree().Remove("sys/devices/system/node/online");
  EXPECT_EQ(Tick(), machine_.clock().Monotonic() + configuration_->period);
}

// The agent's other parts run before the loop does. ThreadSanitizer shows a race.
TEST_F(PolicyLoopTest, ItMayBeWokenWhileItStarts) {
  AddContainer('a', 10, "0-3");
  std::thread other([this] {
    for (int i = 0; i < 100; ++i) loop_.Wake();
  });
  loop_.Start();
  other.join();
  int64_t next = ReportBoard::kFromStart;
  while (board_.Latest()->workloads.empty())
    next = board_.WaitForChanges(next, absl::Hours(1)).next;
  EXPECT_EQ(Reason('a'), "local");
  loop_.Stop();
}

}  // namespace
}  // namespace numalocality::policy_loop_test
