#include "agent/engine/repair/repair_decider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace numalocality::repair_decider_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kMi = int64_t{1} << 20;
constexpr NodeId kNode0{0};
constexpr NodeId kNode1{1};

// Two workloads with all their memory on node 0 and their home on node 1, and one policy that
// repairs them at once.
class RepairDeciderTest : public ::testing::Test {
 protected:
  RepairDeciderTest() {
    topology_.page_bytes = 4096;
    for (const NodeId node : {kNode0, kNode1}) {
      topology_.nodes[node].has_memory = true;
      topology_.nodes[node].total_bytes = 1000 * kMi;
      topology_.nodes[node].free_bytes = 500 * kMi;
    }
    topology_.nodes[kNode0].cpus = CpuSet::Parse("0-3").value();
    topology_.nodes[kNode1].cpus = CpuSet::Parse("4-7").value();
    LocalityPolicy policy;
    policy.name = "keep";
    policy.action = PolicyAction::kRepair;
    policy.settle = absl::ZeroDuration();
    configuration_.policies = {policy};
    configuration_.limits.concurrent_migrations = 4;
  }

  static WorkloadReport Report(uint64_t cgroup_id) {
    WorkloadReport report;
    WorkloadPlacement& placement = report.placement;
    placement.workload.cgroup_path = "/pod" + std::to_string(cgroup_id);
    placement.workload.cgroup_id = cgroup_id;
    placement.workload.container.emplace().container_id = std::string(64, 'a');
    placement.cpus = CpuSet::Parse("4-7").value();
    placement.home_nodes = {kNode1};
    placement.allowed_nodes = {kNode0, kNode1};
    placement.memory.Add(kNode0, MemoryKind::kAnon, 300 * kMi);
    return report;
  }

  // The repair of one of the workloads, as submitted.
  static Migration Repair(const WorkloadReport& report) {
    Migration migration;
    migration.id = "repair" + std::to_string(report.placement.workload.cgroup_id);
    migration.request.origin = MigrationOrigin::kPolicy;
    migration.request.policy = "keep";
    migration.estimate.emplace().bytes = 300 * kMi;
    migration.page_bytes = 4096;
    migration.workloads.emplace_back().workload = report.placement.workload;
    return migration;
  }

  std::string Reason(const WorkloadReport& report) {
    decider_.BeginRound({now_, configuration_, topology_, watermarks_, reservations_, stalled_});
    return std::string(KeyOf(decider_.Decide(report).decided.decision.reason));
  }

  absl::Duration now_ = absl::Hours(1);
  Configuration configuration_;
  Topology topology_;
  std::map<NodeId, Watermarks> watermarks_;
  std::vector<Reservation> reservations_;
  std::vector<Workload> stalled_;
  RepairDecider decider_{
      [](const ContainerRef&) {
        return ContainerDescription{{"prod", "db-0", "mysql"}, PodMetadata(), {}};
      },
      true};
};

TEST_F(RepairDeciderTest, FindsThePolicyAndTheNames) {
  decider_.BeginRound({now_, configuration_, topology_, watermarks_, reservations_});
  const WorkloadDecision result = decider_.Decide(Report(1));
  EXPECT_EQ(result.decided.decision.verdict, RepairVerdict::kRepair);
  ASSERT_NE(result.match.policy, nullptr);
  EXPECT_EQ(result.match.policy->name, "keep");
  EXPECT_EQ(result.description.names.pod, "db-0");
}

TEST_F(RepairDeciderTest, ASubmittedRepairClaimsItsWorkloadAndItsRoom) {
  EXPECT_EQ(Reason(Report(2)), "remote");
  decider_.AddRepair(Report(1).placement, Repair(Report(1)));
  EXPECT_EQ(Reason(Report(1)), "migrating");
  const DecidedRepair second = decider_.Decide(Report(2)).decided;
  EXPECT_EQ(second.estimate.bytes, 180 * kMi) << "480 MiB above the reserve, 300 of them claimed";
  decider_.AddRepair(Report(2).placement, Repair(Report(2)));
  EXPECT_EQ(Reason(Report(3)), "no_room");
}

TEST_F(RepairDeciderTest, CleanPageCacheCountsAsRoomUpToItsShare) {
  topology_.nodes[kNode1].free_bytes = 30 * kMi;
  topology_.nodes[kNode1].clean_cache_bytes = 800 * kMi;
  configuration_.limits.room.reclaim_cache = 0;
  EXPECT_EQ(Reason(Report(1)), "no_room");
  EXPECT_THAT(decider_.Decide(Report(1)).decided.decision.message,
              HasSubstr("its 800.0 MiB of clean page cache do not count (reclaimCache 0)"));
  configuration_.limits.room.reclaim_cache = 0.25;
  EXPECT_EQ(Reason(Report(1)), "remote");
  const DecidedRepair decided = decider_.Decide(Report(1)).decided;
  EXPECT_EQ(decided.estimate.bytes, 210 * kMi);
  EXPECT_THAT(decided.decision.message,
              HasSubstr("200.0 MiB of its clean page cache count as room (reclaimCache 25%)"));
}

TEST_F(RepairDeciderTest, AnEndedRepairThatHelpedNothingIsReportedAndRemembered) {
  EXPECT_EQ(Reason(Report(1)), "remote");
  Migration repair = Repair(Report(1));
  decider_.AddRepair(Report(1).placement, repair);
  repair.estimate->local_after = 0;
  repair.state = MigrationState::kPartial;
  repair.started_at = now_;
  repair.ended_at = now_ + absl::Seconds(1);
  repair.workloads[0].state = MigrationState::kPartial;
  repair.workloads[0].target_nodes = {kNode1};
  repair.workloads[0].outcomes.Add(PageOutcome::kNoMemory, 1000);
  now_ = repair.ended_at;
  const auto fruitless = decider_.Update(repair, configuration_, now_);
  ASSERT_THAT(fruitless, SizeIs(1));
  EXPECT_EQ(fruitless[0].workload.cgroup_id, 1U);
  EXPECT_EQ(fruitless[0].in_a_row, 1);
  EXPECT_EQ(Reason(Report(1)), "cooling_down");
  EXPECT_EQ(Reason(Report(2)), "remote") << "the room is free again";
  decider_.ForgetExcept({{"/pod2", 2}});
  EXPECT_EQ(Reason(Report(1)), "remote");
}

// Ids begin anew when the machine starts, and records may outlive that.
TEST_F(RepairDeciderTest, AnotherCgroupWithTheSameIdHasNoHistory) {
  Migration repair = Repair(Report(1));
  repair.estimate->local_after = 0;
  repair.state = repair.workloads.emplace_back().state = MigrationState::kPartial;
  repair.started_at = repair.ended_at = now_;
  decider_.Update(repair, configuration_, now_);
  EXPECT_EQ(Reason(Report(1)), "cooling_down");
  WorkloadReport other = Report(1);
  other.placement.workload.cgroup_path = "/other";
  EXPECT_EQ(Reason(other), "remote");
}

TEST_F(RepairDeciderTest, AWaitingMigrationOnRequestKeepsItsWorkload) {
  Migration migration = Repair(Report(1));
  migration.request.origin = MigrationOrigin::kApi;
  EXPECT_THAT(decider_.Update(migration, configuration_, now_), IsEmpty());
  EXPECT_EQ(Reason(Report(1)), "migrating");
  EXPECT_EQ(Reason(Report(2)), "remote") << "only repairs claim room";
}

TEST_F(RepairDeciderTest, ARefusalHoldsForItsWorkloadUntilItsTime) {
  decider_.AddRefusal(Report(1).placement.workload, "no runtime", now_ + absl::Seconds(30));
  EXPECT_EQ(Reason(Report(1)), "refused");
  EXPECT_EQ(Reason(Report(2)), "remote");
  now_ += absl::Seconds(30);
  EXPECT_EQ(Reason(Report(1)), "remote");
}

TEST_F(RepairDeciderTest, AReservedWorkloadIsLeftToItsOwner) {
  Reservation& reservation = reservations_.emplace_back();
  reservation.workloads = {Report(1).placement.workload};
  reservation.expires_at = now_ + absl::Minutes(1);
  EXPECT_EQ(Reason(Report(1)), "reserved");
  EXPECT_EQ(Reason(Report(2)), "remote");
}

TEST_F(RepairDeciderTest, AStalledRepairDelaysOnlyItsPod) {
  topology_.nodes[kNode1].free_bytes = 900 * kMi;
  configuration_.limits.concurrent_migrations = 2;  // one repair
  WorkloadReport hostile = Report(1);
  hostile.placement.workload.container->pod_uid = "hostile";
  WorkloadReport of_its_pod = Report(2);
  of_its_pod.placement.workload.container->pod_uid = "hostile";
  EXPECT_EQ(Reason(of_its_pod), "remote");
  decider_.AddRepair(hostile.placement, Repair(hostile));
  EXPECT_EQ(Reason(Report(3)), "busy");
  stalled_ = {hostile.placement.workload};
  EXPECT_EQ(Reason(Report(3)), "remote");
  EXPECT_EQ(Reason(hostile), "migrating");
  EXPECT_EQ(Reason(of_its_pod), "refused") << "a pod cannot stall all threads";
}

}  // namespace
}  // namespace numalocality::repair_decider_test
