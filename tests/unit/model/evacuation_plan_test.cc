#include "agent/model/evacuation_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace numalocality::evacuation_plan_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kMi = int64_t{1} << 20;

// Nodes 0 to 2 with CPUs, 1 nearer to 0 than 2 is; node 3 has none.
class PlanEvacuationTest : public ::testing::Test {
 protected:
  PlanEvacuationTest() {
    const int distances[4][4] = {
        {10, 20, 30, 15}, {20, 10, 20, 20}, {30, 20, 10, 20}, {15, 20, 20, 10}};
    for (int i = 0; i < 4; ++i) {
      Node& node = topology_.nodes[NodeId{i}];
      node.has_memory = true;
      if (i < 3) node.cpus.Insert(CpuId{i});
      for (int j = 0; j < 4; ++j) node.distances[NodeId{j}] = distances[i][j];
      room_[NodeId{i}] = 10000 * kMi;
    }
    evacuation_.node = NodeId{0};
  }

  void Add(const std::string& path, std::optional<QosClass> qos, int64_t mebibytes,
           const NodeSet& allowed = {NodeId{0}, NodeId{1}, NodeId{2}, NodeId{3}}) {
    Occupant occupant;
    occupant.workload.cgroup_path = path;
    if (qos.has_value()) {
      occupant.workload.container.emplace();
      occupant.workload.container->qos = *qos;
    }
    occupant.bytes = mebibytes * kMi;
    occupant.allowed_nodes = allowed;
    occupants_.push_back(occupant);
  }

  // "/pod>1", or "/pod>-" where it cannot go anywhere.
  std::vector<std::string> Plan() const {
    std::vector<std::string> moves;
    for (const PlannedMove& move : PlanEvacuation(evacuation_, topology_, occupants_, room_)) {
      moves.push_back(
          absl::StrCat(move.workload.cgroup_path, ">",
                       move.target.has_value() ? absl::StrCat(move.target->value) : "-"));
    }
    return moves;
  }

  Topology topology_;
  Evacuation evacuation_;
  std::map<NodeId, int64_t> room_;
  std::vector<Occupant> occupants_;
};

TEST_F(PlanEvacuationTest, WhoHasAskedForLeastGoesFirstAndAmongThemTheLargest) {
  Add("/guaranteed", QosClass::kGuaranteed, 900);
  Add("/plain", std::nullopt, 1000);
  Add("/burstable", QosClass::kBurstable, 100);
  Add("/small", QosClass::kBestEffort, 1);
  Add("/large", QosClass::kBestEffort, 2);
  Add("/same", QosClass::kBestEffort, 2);
  EXPECT_THAT(Plan(), ElementsAre("/large>1", "/same>1", "/small>1", "/burstable>1",
                                  "/guaranteed>1", "/plain>1"));
}

TEST_F(PlanEvacuationTest, EachGoesAsAWholeToTheNearestNodeWithRoom) {
  room_[NodeId{1}] = 500 * kMi;
  Add("/a", QosClass::kBestEffort, 400);
  Add("/b", QosClass::kBestEffort, 300);
  Add("/c", QosClass::kBestEffort, 100);
  EXPECT_THAT(Plan(), ElementsAre("/a>1", "/b>2", "/c>1"));
}

TEST_F(PlanEvacuationTest, WithoutRoomForAllOfItItGoesWhereThereIsMost) {
  room_[NodeId{1}] = 100 * kMi;
  room_[NodeId{2}] = 200 * kMi;
  Add("/a", QosClass::kBestEffort, 400);
  Add("/b", QosClass::kBestEffort, 150);
  EXPECT_THAT(Plan(), ElementsAre("/a>2", "/b>1"));
}

TEST_F(PlanEvacuationTest, WhomCpusetMemsConfineIsNamed) {
  Add("/confined", QosClass::kBestEffort, 100, {NodeId{0}});
  Add("/bound", QosClass::kBestEffort, 50, {NodeId{0}, NodeId{2}});
  EXPECT_THAT(Plan(), ElementsAre("/confined>-", "/bound>2"));
}

TEST_F(PlanEvacuationTest, EndsOnceAsMuchIsFreeAsWasAskedFor) {
  topology_.nodes[NodeId{0}].free_bytes = 100 * kMi;
  for (int i = 0; i < 5; ++i) Add(absl::StrCat("/", i), QosClass::kBestEffort, 100);
  evacuation_.free_bytes = 300 * kMi;
  EXPECT_THAT(Plan(), ElementsAre("/0>1", "/1>1"));
  evacuation_.free_bytes = 300 * kMi + 1;
  EXPECT_THAT(Plan(), ElementsAre("/0>1", "/1>1", "/2>1"));
  evacuation_.free_bytes = 100 * kMi;
  EXPECT_THAT(Plan(), IsEmpty());
}

TEST_F(PlanEvacuationTest, WhatCannotMoveFreesNothing) {
  evacuation_.free_bytes = 100 * kMi;
  Add("/confined", QosClass::kBestEffort, 200, {NodeId{0}});
  Add("/free", QosClass::kBestEffort, 100);
  Add("/not needed", QosClass::kBestEffort, 10);
  EXPECT_THAT(Plan(), ElementsAre("/confined>-", "/free>1"));
}

TEST_F(PlanEvacuationTest, NodesWithoutCpusTakeMemoryOnlyWhenNamed) {
  Add("/a", QosClass::kBestEffort, 100);
  EXPECT_THAT(Plan(), ElementsAre("/a>1"));
  evacuation_.target_nodes = {NodeId{2}, NodeId{3}};
  EXPECT_THAT(Plan(), ElementsAre("/a>3"));
}

TEST_F(PlanEvacuationTest, TheNodeItselfIsNoTarget) {
  Add("/a", QosClass::kBestEffort, 100);
  evacuation_.target_nodes = {NodeId{0}, NodeId{2}};
  EXPECT_THAT(Plan(), ElementsAre("/a>2"));
}

WorkloadMigration PlanOf(int64_t pages, NodeSet targets = {NodeId{1}}) {
  WorkloadMigration planned;
  planned.pages_planned = pages;
  planned.target_nodes = std::move(targets);
  return planned;
}

TEST(FitRoomTest, EachHasWhatTheOnesBeforeHaveLeft) {
  std::map<NodeId, int64_t> room = {{NodeId{1}, 250 * 4096}, {NodeId{2}, 60 * 4096 + 100}};
  std::vector<WorkloadMigration> plan = {PlanOf(100), PlanOf(70, {NodeId{2}}), PlanOf(200),
                                         PlanOf(1), PlanOf(0, {})};
  for (WorkloadMigration& planned : plan) FitRoom(room, 4096, planned);
  const int64_t expected[] = {100, 60, 150, 0, 0};
  const bool fits[] = {true, false, false, false, true};
  for (size_t i = 0; i < plan.size(); ++i) {
    EXPECT_EQ(plan[i].pages_planned, expected[i]) << i;
    EXPECT_EQ(plan[i].reason, fits[i] ? MigrationReason::kNone : MigrationReason::kNoRoom) << i;
    EXPECT_EQ(plan[i].message.empty(), fits[i]) << i;
  }
  EXPECT_THAT(plan[2].message,
              HasSubstr("200.0 KiB are not moved: node 1 will then have room for 600.0 KiB"));
}

TEST(LeaveSharedTest, WhatSeveralProcessesMapIsNotPlanned) {
  WorkloadMigration planned = PlanOf(100);
  LeaveShared(1, 4096, planned);
  EXPECT_EQ(planned.pages_planned, 100);
  EXPECT_EQ(planned.reason, MigrationReason::kNone);
  LeaveShared(0.25, 4096, planned);
  EXPECT_EQ(planned.pages_planned, 25);
  EXPECT_EQ(planned.reason, MigrationReason::kPagesLeft);
  EXPECT_THAT(planned.message, HasSubstr("about 300.0 KiB are mapped by several processes"));
}

}  // namespace
}  // namespace numalocality::evacuation_plan_test
