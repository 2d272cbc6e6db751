#include "agent/model/topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace numalocality::topology_test {
namespace {

using ::testing::ElementsAre;

struct NodeRow {
  int id;
  const char* cpus;    // "" for a memory-only node
  int64_t free_bytes;  // -1 for a node without memory
  std::vector<int> distances;
};

Topology Make(const std::vector<NodeRow>& rows) {
  Topology topology;
  for (const NodeRow& row : rows) {
    Node node;
    node.cpus = CpuSet::Parse(row.cpus).value();
    node.has_memory = row.free_bytes >= 0;
    node.free_bytes = row.free_bytes;
    for (size_t i = 0; i < rows.size(); ++i) {
      node.distances[NodeId{rows[i].id}] = row.distances[i];
    }
    topology.nodes[NodeId{row.id}] = node;
  }
  return topology;
}

CpuSet Cpus(const char* list) { return CpuSet::Parse(list).value(); }
NodeSet Nodes(const char* list) { return NodeSet::Parse(list).value(); }

Topology TwoNode() { return Make({{0, "0-3", 100, {10, 20}}, {1, "4-7", 200, {20, 10}}}); }
Topology SparseIds() { return Make({{0, "0-1", 100, {10, 20}}, {2, "2-3", 200, {20, 10}}}); }
// Node 2 is CXL memory behind node 1.
Topology MemoryOnlyNode() {
  return Make(
      {{0, "0-1", 100, {10, 20, 30}}, {1, "2-3", 100, {20, 10, 15}}, {2, "", 900, {30, 15, 10}}});
}
// Node 2 has CPUs only; node 1 is nearest to it.
Topology MemorylessNode() {
  return Make(
      {{0, "0-1", 100, {10, 20, 30}}, {1, "2-3", 100, {20, 10, 15}}, {2, "4-5", -1, {30, 15, 10}}});
}
Topology FourNode() {
  return Make({{0, "0", 100, {10, 12, 21, 31}},
               {1, "1", 100, {12, 10, 31, 21}},
               {2, "2", 300, {21, 31, 10, 12}},
               {3, "3", 200, {31, 21, 12, 10}}});
}

TEST(HomeNodesTest, AreTheCpusOwnNodes) {
  EXPECT_EQ(TwoNode().HomeNodes(Cpus("0")), Nodes("0"));
  EXPECT_EQ(TwoNode().HomeNodes(Cpus("4-6")), Nodes("1"));
  EXPECT_EQ(TwoNode().HomeNodes(Cpus("3-4")), Nodes("0-1"));
  EXPECT_EQ(SparseIds().HomeNodes(Cpus("2")), Nodes("2"));
  EXPECT_EQ(FourNode().HomeNodes(Cpus("0,3")), Nodes("0,3"));
}

TEST(HomeNodesTest, OfNoOrUnknownCpusAreNone) {
  EXPECT_EQ(TwoNode().HomeNodes(Cpus("")), Nodes(""));
  EXPECT_EQ(TwoNode().HomeNodes(Cpus("99")), Nodes(""));
}

TEST(HomeNodesTest, OfANodeWithoutMemoryAreTheNearestWithMemoryAndCpus) {
  EXPECT_EQ(MemorylessNode().HomeNodes(Cpus("4")), Nodes("1"));
  EXPECT_EQ(MemorylessNode().HomeNodes(Cpus("0,4")), Nodes("0-1"));
  // The CXL node 2 is nearest to node 3, and never a home.
  const Topology cxl = Make({{0, "0-1", 100, {10, 20, 30, 30}},
                             {1, "2-3", 100, {20, 10, 30, 30}},
                             {2, "", 900, {30, 30, 10, 11}},
                             {3, "4-5", -1, {30, 30, 11, 10}}});
  EXPECT_EQ(cxl.HomeNodes(Cpus("4")), Nodes("0-1"));  // equally near: both
}

TEST(HomeNodesTest, NeverIncludeAMemoryOnlyNode) {
  EXPECT_EQ(MemoryOnlyNode().HomeNodes(Cpus("0-3")), Nodes("0-1"));
}

TEST(TopologyTest, KnowsItsNodes) {
  EXPECT_EQ(MemorylessNode().OnlineNodes(), Nodes("0-2"));
  EXPECT_EQ(MemorylessNode().MemoryNodes(), Nodes("0-1"));
  EXPECT_EQ(SparseIds().NodeOf(CpuId{3}), NodeId{2});
  EXPECT_EQ(SparseIds().NodeOf(CpuId{4}), std::nullopt);
  EXPECT_EQ(FourNode().Distance(NodeId{0}, NodeId{3}), 31);
  EXPECT_GT(FourNode().Distance(NodeId{0}, NodeId{9}), 255);
  EXPECT_EQ(FourNode().Find(NodeId{9}), nullptr);
}

TEST(TargetsForTest, NearestComesFirst) {
  EXPECT_THAT(FourNode().TargetsFor(NodeId{0}, Nodes("1-3")),
              ElementsAre(NodeId{1}, NodeId{2}, NodeId{3}));
  EXPECT_THAT(FourNode().TargetsFor(NodeId{1}, Nodes("2-3")), ElementsAre(NodeId{3}, NodeId{2}));
}

TEST(TargetsForTest, TheOneWithMostFreeMemoryBreaksATie) {
  const Topology topology = Make({{0, "0", 100, {10, 20, 20, 20}},
                                  {1, "1", 100, {20, 10, 20, 20}},
                                  {2, "2", 300, {20, 20, 10, 20}},
                                  {3, "3", 200, {20, 20, 20, 10}}});
  EXPECT_THAT(topology.TargetsFor(NodeId{0}, Nodes("1-3")),
              ElementsAre(NodeId{2}, NodeId{3}, NodeId{1}));
}

TEST(TargetsForTest, LeavesOutNodesWithoutMemory) {
  EXPECT_THAT(MemorylessNode().TargetsFor(NodeId{1}, Nodes("0,2")), ElementsAre(NodeId{0}));
  EXPECT_THAT(MemorylessNode().TargetsFor(NodeId{1}, Nodes("2")), ElementsAre());
}

}  // namespace
}  // namespace numalocality::topology_test
