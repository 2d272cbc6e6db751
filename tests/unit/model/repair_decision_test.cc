#include "agent/model/repair_decision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

namespace numalocality::repair_decision_test {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kMi = int64_t{1} << 20;
constexpr NodeId kNode0{0};
constexpr NodeId kNode1{1};
constexpr NodeId kCxl{2};
constexpr absl::Duration kSettle = absl::Seconds(10);
constexpr absl::Duration kCooldown = absl::Minutes(5);

absl::Duration At(int64_t seconds) { return absl::Seconds(seconds); }

// A workload at home on node 1 with 200 MiB there and 800 MiB on node 0, which a policy wants to be
// 90 % local. All that could hold a repair back is left out: it is decided.
struct Situation {
  Situation() {
    topology.nodes[kNode0].cpus = CpuSet::Parse("0-3").value();
    topology.nodes[kNode1].cpus = CpuSet::Parse("4-7").value();
    for (const NodeId node : {kNode0, kNode1, kCxl}) topology.nodes[node].has_memory = true;
    WorkloadPlacement& placement = report.placement;
    placement.workload.cgroup_path = "/pod";
    placement.workload.cgroup_id = 7;
    placement.home_nodes = {kNode1};
    placement.allowed_nodes = {kNode0, kNode1, kCxl};
    placement.memory.Add(kNode0, MemoryKind::kAnon, 700 * kMi);
    placement.memory.Add(kNode0, MemoryKind::kShmem, 100 * kMi);
    placement.memory.Add(kNode1, MemoryKind::kAnon, 200 * kMi);
    policy.name = "databases";
    policy.action = PolicyAction::kRepair;
    match.policy = &policy;
    facts.now = At(10000);
    facts.room_bytes = {{kNode0, 10000 * kMi}, {kNode1, 10000 * kMi}, {kCxl, 10000 * kMi}};
  }
  Situation(const Situation&) = delete;

  DecidedRepair Decide() const { return DecideRepair(report, match, history, topology, facts); }

  // `home` and bytes on nodes 0 and 1 of one more process.
  void AddProcess(NodeId home, int64_t on0, int64_t on1) {
    ProcessPlacement& process = report.placement.processes.emplace_back();
    process.home_nodes = {home};
    process.memory.Add(kNode0, MemoryKind::kAnon, on0);
    process.memory.Add(kNode1, MemoryKind::kAnon, on1);
  }
  // All memory of the workload is on `node`.
  void PutAllOn(NodeId node) {
    report.placement.memory = {};
    report.placement.memory.Add(node, MemoryKind::kAnon, 1000 * kMi);
  }
  void LeaveTo(RepairReason reason) { match = {nullptr, reason, "for the reason of the match"}; }

  Topology topology;
  WorkloadReport report;
  LocalityPolicy policy;
  PolicyMatch match;
  RepairHistory history;
  RepairFacts facts;
};

struct Case {
  std::string name;
  std::function<void(Situation&)> arrange;
  RepairVerdict verdict;
  RepairReason reason;
  std::string words;  // of the message
  absl::Duration next = absl::InfiniteDuration();
};

void PrintTo(const Case& each, std::ostream* out) { *out << each.name; }

// In the order of precedence: each holds although all that follow hold, too (see the test below).
std::vector<Case> Cases() {
  constexpr auto kLeave = RepairVerdict::kLeave;
  constexpr auto kWait = RepairVerdict::kWait;
  const auto matched = [](RepairReason reason) {
    return [reason](Situation& s) { s.LeaveTo(reason); };
  };
  return {
      {"Off", matched(RepairReason::kOff), kLeave, RepairReason::kOff, "of the match"},
      {"Protected", matched(RepairReason::kProtected), kLeave, RepairReason::kProtected,
       "of the match"},
      {"LabelsUnknown", matched(RepairReason::kLabelsUnknown), kLeave, RepairReason::kLabelsUnknown,
       "of the match"},
      {"UnknownPolicy", matched(RepairReason::kUnknownPolicy), kLeave, RepairReason::kUnknownPolicy,
       "of the match"},
      {"PolicyForbidden", matched(RepairReason::kPolicyForbidden), kLeave,
       RepairReason::kPolicyForbidden, "of the match"},
      {"TooLarge",
       [](Situation& s) {
         s.report.placement.state = PlacementState::kTooLarge;
         s.report.placement.state_message = "read maps: takes longer than 1s, the limit";
       },
       kLeave, RepairReason::kTooLarge, "takes longer than 1s"},
      {"NoHome", [](Situation& s) { s.report.placement.home_nodes = {}; }, kLeave,
       RepairReason::kNoHome, "near a node with memory"},
      {"NoMemory", [](Situation& s) { s.report.placement.memory = {}; }, kLeave,
       RepairReason::kLocal, "no anonymous or shmem memory"},
      {"Local", [](Situation& s) { s.PutAllOn(kNode1); }, kLeave, RepairReason::kLocal,
       "100.0% of it is local"},
      {"TooLittle", [](Situation& s) { s.policy.min_remote_bytes = 801 * kMi; }, kLeave,
       RepairReason::kTooLittle, "the policy repairs 801.0 MiB or more"},
      {"NothingMovable",
       [](Situation& s) {
         s.PutAllOn(kCxl);
         s.policy.min_remote_bytes = 0;
       },
       kLeave, RepairReason::kTooLittle, "0"},
      {"Stuck", [](Situation& s) { s.history.stuck_bytes = 750 * kMi; }, kLeave,
       RepairReason::kGaveUp, "750.0 MiB of it could not be moved"},
      {"Observed", [](Situation& s) { s.policy.action = PolicyAction::kObserve; }, kLeave,
       RepairReason::kObserved, "20.0% of it is local; the policy only observes"},
      {"Migrating", [](Situation& s) { s.facts.migration_id = "abc-1"; }, kWait,
       RepairReason::kMigrating, "migration abc-1"},
      {"Reserved",
       [](Situation& s) {
         s.facts.reserved_until = At(10060);
         s.facts.reserved_by = "a scheduler";
       },
       kWait, RepairReason::kReserved, "reserved by a scheduler", At(10060)},
      {"CpusetForbids", [](Situation& s) { s.report.placement.allowed_nodes = {kNode0}; }, kLeave,
       RepairReason::kCpusetForbids, "cpuset.mems allows node 0 only"},
      {"NodeCleared",
       [](Situation& s) {
         s.facts.cleared_nodes = {kNode1};
         s.facts.cleared_until = At(10030);
       },
       kWait, RepairReason::kNodeCleared, "node 1 was evacuated", At(10030)},
      {"GaveUp",
       [](Situation& s) {
         s.history.last_end = At(9000);
         s.history.fruitless = 4;
       },
       kWait, RepairReason::kGaveUp, "4 repairs in a row did not help", At(9000) + 32 * kCooldown},
      {"Undone",
       [](Situation& s) {
         s.history.last_end = At(9000);
         s.history.undone = 4;
       },
       kWait, RepairReason::kPingPong,
       "its memory was moved away again after each of the last 4 repairs",
       At(9000) + 32 * kCooldown},
      {"Flipping",
       [](Situation& s) {
         s.history.flips = {At(9800), At(9850), At(9900), At(9950)};
         s.report.home_since = At(9950);
       },
       kWait, RepairReason::kPingPong, "CPUs keep changing", At(9950) + kCooldown},
      {"Settling", [](Situation& s) { s.report.home_since = At(9995); }, kWait,
       RepairReason::kSettling, "for 10s", At(9995) + kSettle},
      {"CoolingDown", [](Situation& s) { s.history.last_end = At(9800); }, kWait,
       RepairReason::kCoolingDown, "within 5m", At(9800) + kCooldown},
      {"Refused", [](Situation& s) { s.facts.refused = "100 migrations are waiting"; }, kWait,
       RepairReason::kRefused, "100 migrations are waiting"},
      {"UnderPressure", [](Situation& s) { s.facts.pressure = 0.4; }, kWait,
       RepairReason::kUnderPressure, "loses 40% of its time to memory pressure", At(10010)},
      {"NoRoom",
       [](Situation& s) {
         s.facts.room_bytes[kNode1] = 63 * kMi;
         s.facts.room[kNode1] = CountRoom(63 * kMi, 50 * kMi, 0.25, 200 * kMi, 200 * kMi);
       },
       kWait, RepairReason::kNoRoom,
       "has room for 63.0 MiB above its reserve; 50.0 MiB of its clean page cache count as room "
       "(reclaimCache 25%); the repair needs 730.0"},
      {"Busy", [](Situation& s) { s.facts.may_start = false; }, kWait, RepairReason::kBusy,
       "the limit of concurrent repairs is reached"},
      {"Remote", [](Situation&) {}, RepairVerdict::kRepair, RepairReason::kRemote, "to node 1"},
  };
}

class ReasonTest : public ::testing::TestWithParam<Case> {};

TEST_P(ReasonTest, IsGiven) {
  Situation situation;
  GetParam().arrange(situation);
  const RepairDecision decision = situation.Decide().decision;
  EXPECT_EQ(KeyOf(decision.verdict), KeyOf(GetParam().verdict));
  EXPECT_EQ(KeyOf(decision.reason), KeyOf(GetParam().reason));
  EXPECT_THAT(decision.message, HasSubstr(GetParam().words));
  EXPECT_EQ(decision.next, GetParam().next);
  EXPECT_EQ(decision.policy, situation.match.policy == nullptr ? "" : "databases");
}

INSTANTIATE_TEST_SUITE_P(All, ReasonTest, ::testing::ValuesIn(Cases()),
                         [](const auto& param) { return param.param.name; });

TEST(DecideRepairTest, EveryReasonHasACase) {
  for (int i = 0; i < kEnumCount<RepairReason>; ++i) {
    // The loop decides this one itself: there is no report to decide from.
    if (static_cast<RepairReason>(i) == RepairReason::kUnread) continue;
    const std::vector<Case> cases = Cases();
    EXPECT_TRUE(std::any_of(cases.begin(), cases.end(), [&](const Case& each) {
      return each.reason == static_cast<RepairReason>(i);
    })) << KeyOf(static_cast<RepairReason>(i));
  }
}

// What others say comes before what is wise, that before what is possible.
TEST(DecideRepairTest, TheFirstReasonThatHoldsIsGiven) {
  const std::vector<Case> cases = Cases();
  for (size_t first = 0; first < cases.size(); ++first) {
    Situation situation;
    for (size_t i = cases.size(); i-- > first;) cases[i].arrange(situation);
    const RepairDecision decision = situation.Decide().decision;
    EXPECT_EQ(KeyOf(decision.reason), KeyOf(cases[first].reason)) << cases[first].name;
    EXPECT_THAT(decision.message, HasSubstr(cases[first].words));
  }
}

TEST(DecideRepairTest, AReasonEndsWhenItSaysItDoes) {
  for (const Case& each : Cases()) {
    // The loop subtracts the room that other migrations have claimed.
    const bool is_others = each.reason == RepairReason::kReserved ||
                           each.reason == RepairReason::kNodeCleared ||
                           each.reason == RepairReason::kUnderPressure;
    if (each.next == absl::InfiniteDuration() || is_others) continue;
    Situation situation;
    each.arrange(situation);
    situation.facts.now = each.next - absl::Nanoseconds(1);
    EXPECT_EQ(situation.Decide().decision.reason, each.reason) << each.name;
    situation.facts.now = each.next;
    EXPECT_NE(situation.Decide().decision.reason, each.reason) << each.name;
  }
}

TEST(DecideRepairTest, AimsThreePointsAboveTheThreshold) {
  Situation situation;
  situation.facts.bytes_per_second = static_cast<double>(73 * kMi);
  const RepairEstimate estimate = situation.Decide().estimate;
  EXPECT_NEAR(static_cast<double>(estimate.bytes), static_cast<double>(730 * kMi), 2);
  EXPECT_DOUBLE_EQ(estimate.local_before, 0.2);
  EXPECT_NEAR(estimate.local_expected, 0.93, 1e-6);
  EXPECT_NEAR(absl::ToDoubleSeconds(estimate.time.value()), 10, 1e-3);
}

TEST(DecideRepairTest, AimsAtNoMoreThanAll) {
  Situation situation;
  situation.policy.min_local_fraction = 0.99;
  const RepairEstimate estimate = situation.Decide().estimate;
  EXPECT_EQ(estimate.bytes, 800 * kMi);
  EXPECT_DOUBLE_EQ(estimate.local_expected, 1);
  EXPECT_FALSE(estimate.time.has_value()) << "nothing has been moved yet";
}

TEST(DecideRepairTest, ExpectsNoMoreThanCanMove) {
  Situation situation;
  situation.history.stuck_bytes = 300 * kMi;
  const RepairEstimate estimate = situation.Decide().estimate;
  EXPECT_EQ(estimate.bytes, 500 * kMi);
  EXPECT_NEAR(estimate.local_expected, 0.7, 1e-9);
}

TEST(DecideRepairTest, MemoryOnNodesWithoutCpusIsLeftThere) {
  Situation situation;
  situation.report.placement.memory.Add(kCxl, MemoryKind::kAnon, 5000 * kMi);
  EXPECT_EQ(RepairableBytes(situation.report.placement, situation.topology), 800 * kMi);
  EXPECT_EQ(situation.Decide().estimate.bytes, 800 * kMi);
  const MigrationRequest request =
      RepairRequest(situation.report, situation.policy, situation.topology, {}, "");
  EXPECT_EQ(request.spec.source_nodes.ToString(), "0-1");
}

TEST(DecideRepairTest, EachProcessHasItsOwnHome) {
  Situation situation;
  situation.report.placement.home_nodes = {kNode0, kNode1};
  situation.AddProcess(kNode0, 300 * kMi, 100 * kMi);
  situation.AddProcess(kNode1, 500 * kMi, 100 * kMi);
  EXPECT_EQ(RepairableBytes(situation.report.placement, situation.topology), 600 * kMi);
  const DecidedRepair decided = situation.Decide();
  EXPECT_EQ(decided.decision.reason, RepairReason::kRemote);
  EXPECT_DOUBLE_EQ(decided.estimate.local_before, 0.4);
  EXPECT_NEAR(static_cast<double>(decided.estimate.bytes), static_cast<double>(530 * kMi), 2);

  Situation at_home;
  at_home.report.placement.home_nodes = {kNode0, kNode1};
  at_home.AddProcess(kNode0, 300 * kMi, 0);
  at_home.AddProcess(kNode1, 0, 100 * kMi);
  EXPECT_EQ(at_home.Decide().decision.reason, RepairReason::kLocal);
}

TEST(DecideRepairTest, PageCacheAndHugetlbCountForNothing) {
  Situation situation;
  situation.PutAllOn(kNode1);
  situation.report.placement.memory.Add(kNode0, MemoryKind::kFile, 9000 * kMi);
  situation.report.placement.memory.Add(kNode0, MemoryKind::kHugetlb, 9000 * kMi);
  EXPECT_EQ(situation.Decide().decision.reason, RepairReason::kLocal);
}

TEST(DecideRepairTest, ANodeBelowItsReserveTakesNothingFromAnothersRoom) {
  Situation situation;
  situation.report.placement.home_nodes = {kNode1, NodeId{3}};
  situation.report.placement.allowed_nodes.Insert(NodeId{3});
  situation.facts.room_bytes = {{kNode1, 800 * kMi}, {NodeId{3}, -500 * kMi}};
  EXPECT_EQ(situation.Decide().decision.reason, RepairReason::kRemote);
}

TEST(DecideRepairTest, RoomIsThatOfTheHomesThatCpusetMemsAllow) {
  Situation situation;
  situation.report.placement.home_nodes = {kNode1, NodeId{3}};
  situation.facts.room_bytes = {{kNode1, 0}, {NodeId{3}, 10000 * kMi}};
  EXPECT_EQ(situation.Decide().decision.reason, RepairReason::kNoRoom);
}

TEST(DecideRepairTest, WhatFitsIsRepairedAndTheRestIsNamed) {
  Situation situation;
  situation.facts.room_bytes[kNode1] = 400 * kMi;
  situation.facts.bytes_per_second = 100 * kMi;
  const DecidedRepair decided = situation.Decide();
  EXPECT_EQ(decided.decision.verdict, RepairVerdict::kRepair);
  EXPECT_EQ(decided.decision.message,
            "400.0 MiB of it will be moved to node 1, 330.0 MiB more once there is room: node 1 "
            "has room for 400.0 MiB above its reserve");
  EXPECT_EQ(decided.estimate.bytes, 400 * kMi);
  EXPECT_EQ(decided.estimate.no_room_bytes, 330 * kMi);
  EXPECT_EQ(decided.estimate.time, absl::Seconds(4));
  EXPECT_NEAR(decided.estimate.local_expected, 0.6, 1e-6);
  EXPECT_EQ(RepairRequest(situation.report, situation.policy, situation.topology, decided.estimate,
                          "timer")
                .spec.enough_bytes,
            730 * kMi)
      << "there may be more room when the repair gets there";
}

// A repair that is too small to count as help would only use up the attempts.
TEST(DecideRepairTest, ATrickleOfRoomIsNotWorthARepair) {
  Situation situation;
  situation.policy.min_remote_bytes = 0;
  situation.facts.room_bytes[kNode1] = 19 * kMi;
  EXPECT_EQ(situation.Decide().decision.reason, RepairReason::kNoRoom);
  situation.facts.room_bytes[kNode1] = 21 * kMi;
  EXPECT_EQ(situation.Decide().decision.reason, RepairReason::kRemote);
}

// It widens cpuset.mems; what comes there is all of it.
TEST(DecideRepairTest, ARepairThatSticksMayLeaveItsCpuset) {
  Situation situation;
  situation.policy.stick = StickMode::kCpusetMems;
  situation.report.placement.allowed_nodes = {kNode0};
  const DecidedRepair decided = situation.Decide();
  EXPECT_EQ(decided.decision.reason, RepairReason::kRemote);
  EXPECT_EQ(decided.estimate.bytes, 800 * kMi);
  situation.facts.room_bytes[kNode1] = 799 * kMi;
  EXPECT_EQ(situation.Decide().decision.reason, RepairReason::kNoRoom);
}

// Room at the others' home is of no use to a process.
TEST(DecideRepairTest, EachProcessNeedsRoomAtItsOwnHome) {
  Situation situation;
  situation.report.placement.home_nodes = {kNode0, kNode1};
  situation.AddProcess(kNode0, 600 * kMi, 0);
  situation.AddProcess(kNode1, 400 * kMi, 0);
  situation.facts.room_bytes = {{kNode0, 10000 * kMi}, {kNode1, 60 * kMi}};
  EXPECT_EQ(situation.Decide().decision.reason, RepairReason::kNoRoom);
  situation.facts.room_bytes = {{kNode0, 0}, {kNode1, 10000 * kMi}};
  EXPECT_EQ(situation.Decide().decision.reason, RepairReason::kRemote);
}

TEST(RepairRequestTest, CarriesThePolicy) {
  Situation situation;
  LocalityPolicy& policy = situation.policy;
  policy.min_local_fraction = 0.95;
  policy.page_cache = true;
  policy.sharing = SharingRule::kOwned;
  policy.stick = StickMode::kCpusetMems;
  policy.bytes_per_second = 1000;
  policy.longest_call = absl::Milliseconds(3);
  situation.topology.nodes.erase(kCxl);
  const MigrationRequest request = RepairRequest(situation.report, policy, situation.topology, {},
                                                 "cpuset.cpus of /pod written");
  ASSERT_EQ(request.workloads.size(), 1u);
  EXPECT_EQ(request.workloads[0].cgroup_path, "/pod");
  EXPECT_EQ(request.workloads[0].cgroup_id, 7U) << "not a newer cgroup at that path";
  EXPECT_EQ(request.origin, MigrationOrigin::kPolicy);
  EXPECT_EQ(request.policy, "databases");
  EXPECT_EQ(request.trigger, "cpuset.cpus of /pod written");
  EXPECT_EQ(request.stick, StickMode::kCpusetMems);
  EXPECT_TRUE(request.spec.target_nodes.empty()) << "each process's home";
  EXPECT_TRUE(request.spec.source_nodes.empty());
  EXPECT_TRUE(request.spec.kinds.Contains(MemoryKind::kFile));
  EXPECT_EQ(request.spec.sharing, SharingRule::kOwned);
  EXPECT_EQ(request.spec.limits.bytes_per_second, 1000);
  EXPECT_EQ(request.spec.limits.longest_call, absl::Milliseconds(3));
  EXPECT_FALSE(request.spec.enough_bytes.has_value()) << "page cache comes on top";
  EXPECT_NEAR(request.spec.min_moved, 0.95, 1e-9);
}

TEST(RepairRequestTest, EndsOnceWhatWasEstimatedHasMoved) {
  Situation situation;
  const DecidedRepair decided = situation.Decide();
  const MigrationRequest request = RepairRequest(situation.report, situation.policy,
                                                 situation.topology, decided.estimate, "timer");
  EXPECT_EQ(request.spec.enough_bytes, decided.estimate.bytes);
  EXPECT_EQ(request.estimate, decided.estimate);
}

}  // namespace
}  // namespace numalocality::repair_decision_test
