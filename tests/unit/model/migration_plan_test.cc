#include "agent/model/migration_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace numalocality {
namespace {

constexpr int64_t kPage = 4096;
constexpr int64_t kHuge = 512 * kPage;
constexpr uint64_t kBase = 0x40000000;

void Append(std::vector<ResidentPage>& pages, uint64_t start, int count, int node,
            MemoryKind kind = MemoryKind::kAnon) {
  for (int i = 0; i < count; ++i) {
    pages.push_back({start + static_cast<uint64_t>(i) * kPage, NodeId{node}, kind});
  }
}

const NodeTargets kToNode1 = {{NodeId{0}, NodeId{1}}, {NodeId{1}, NodeId{1}}};

TEST(PlanWindowTest, EmptyWindowIsAnEmptyPlan) {
  const WindowPlan plan = PlanWindow({}, kToNode1, kPage, kHuge);
  EXPECT_EQ(plan.MisplacedPages(), 0);
  EXPECT_EQ(plan.already_there_pages, 0);
}

TEST(PlanWindowTest, SinglesAreTheMisplacedPages) {
  std::vector<ResidentPage> pages;
  Append(pages, kBase + kPage, 3, 0);
  Append(pages, kBase + 4 * kPage, 2, 1);
  Append(pages, kBase + 6 * kPage, 1, 2);  // a node that is none of the migration's business
  const WindowPlan plan = PlanWindow(pages, kToNode1, kPage, kHuge);
  EXPECT_EQ(plan.singles.size(), 3u);
  EXPECT_EQ(plan.already_there_pages, 2);
  EXPECT_EQ(plan.MisplacedPages(), 3);
}

TEST(PlanWindowTest, AWholeAlignedBlockGetsAProbe) {
  std::vector<ResidentPage> pages;
  Append(pages, kBase, 1024, 0);
  const WindowPlan plan = PlanWindow(pages, kToNode1, kPage, kHuge);
  ASSERT_EQ(plan.probes.size(), 2u);
  EXPECT_EQ(plan.probes[0].address, kBase);
  EXPECT_EQ(plan.probes[1].address, kBase + kHuge);
  EXPECT_EQ(plan.rest.size(), 2u * 511u);
  EXPECT_TRUE(plan.singles.empty());
  EXPECT_EQ(plan.MisplacedPages(), 1024);
}

TEST(PlanWindowTest, BlocksThatCannotBeHugeAreSingles) {
  const auto plan_of = [](const std::vector<ResidentPage>& pages, int64_t huge) {
    return PlanWindow(pages, kToNode1, kPage, huge);
  };
  std::vector<ResidentPage> unaligned;
  Append(unaligned, kBase + kPage, 512, 0);
  std::vector<ResidentPage> cut_short;
  Append(cut_short, kBase, 511, 0);
  std::vector<ResidentPage> with_hole;
  Append(with_hole, kBase, 100, 0);
  Append(with_hole, kBase + 101 * kPage, 412, 0);
  std::vector<ResidentPage> two_kinds;
  Append(two_kinds, kBase, 500, 0);
  Append(two_kinds, kBase + 500 * kPage, 12, 0, MemoryKind::kShmem);
  std::vector<ResidentPage> page_cache;
  Append(page_cache, kBase, 512, 0, MemoryKind::kFile);
  for (const auto& pages : {unaligned, cut_short, with_hole, two_kinds, page_cache}) {
    const WindowPlan plan = plan_of(pages, kHuge);
    EXPECT_TRUE(plan.probes.empty());
    EXPECT_EQ(plan.singles.size(), pages.size());
  }
  std::vector<ResidentPage> whole;
  Append(whole, kBase, 512, 0);
  EXPECT_EQ(plan_of(whole, 0).singles.size(), 512u);  // no huge pages on this machine
}

TEST(PlanWindowTest, ABlockOnTwoNodesIsNotHuge) {
  std::vector<ResidentPage> pages;
  Append(pages, kBase, 511, 0);
  Append(pages, kBase + 511 * kPage, 1, 1);
  Append(pages, kBase + kHuge, 512, 0);
  const WindowPlan plan = PlanWindow(pages, kToNode1, kPage, kHuge);
  EXPECT_EQ(plan.singles.size(), 511u);
  EXPECT_EQ(plan.already_there_pages, 1);
  EXPECT_EQ(plan.probes.size(), 1u);
}

TEST(PlanWindowTest, ListsAreInOrderOfTargetThenAddress) {
  const NodeTargets swap = {{NodeId{0}, NodeId{1}}, {NodeId{1}, NodeId{0}}};
  std::vector<ResidentPage> pages;
  for (int i = 0; i < 10; ++i)
    Append(pages, kBase + kPage * (1 + static_cast<uint64_t>(i)), 1, i % 2);
  const WindowPlan plan = PlanWindow(pages, swap, kPage, kHuge);
  ASSERT_EQ(plan.singles.size(), 10u);
  EXPECT_TRUE(std::is_sorted(plan.singles.begin(), plan.singles.end(),
                             [](const PageMove& a, const PageMove& b) {
                               return std::tie(a.target, a.address) < std::tie(b.target, b.address);
                             }));
  EXPECT_EQ(plan.singles.front().target, NodeId{0});
}

Topology ThreeNodes() {
  Topology topology;
  const int distances[3][3] = {{10, 12, 30}, {12, 10, 30}, {30, 30, 10}};
  for (int id = 0; id < 3; ++id) {
    Node& node = topology.nodes[NodeId{id}];
    node.has_memory = true;
    for (int other = 0; other < 3; ++other) node.distances[NodeId{other}] = distances[id][other];
  }
  return topology;
}

TEST(PlanTargetsTest, EachNodeGoesToTheNearestTarget) {
  const NodeTargets plan = PlanTargets(ThreeNodes(), NodeSet{NodeId{1}, NodeId{2}}, NodeSet{});
  EXPECT_EQ(plan,
            (NodeTargets{{NodeId{0}, NodeId{1}}, {NodeId{1}, NodeId{1}}, {NodeId{2}, NodeId{2}}}));
}

TEST(PlanTargetsTest, OnlySourcesGiveTheirMemory) {
  const NodeTargets plan = PlanTargets(ThreeNodes(), NodeSet{NodeId{1}}, NodeSet{NodeId{2}});
  EXPECT_EQ(plan, (NodeTargets{{NodeId{1}, NodeId{1}}, {NodeId{2}, NodeId{1}}}));
}

TEST(PlanTargetsTest, NoTargetWithMemoryIsNoPlan) {
  Topology topology = ThreeNodes();
  topology.nodes[NodeId{1}].has_memory = false;
  EXPECT_TRUE(PlanTargets(topology, NodeSet{NodeId{1}}, NodeSet{}).empty());
}

}  // namespace
}  // namespace numalocality
