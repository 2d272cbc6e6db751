#include "agent/model/node_map.h"

#include <gtest/gtest.h>

namespace numalocality::node_map_test {
namespace {

TEST(NodeMapTest, PairsAreParsedAndPrinted) {
  const auto map = ParseNodeMap("0:2,1:3");
  ASSERT_TRUE(map.ok()) << map.status();
  EXPECT_EQ(*map, (NodeMap{{NodeId{0}, NodeId{2}}, {NodeId{1}, NodeId{3}}}));
  EXPECT_EQ(FormatNodeMap(*map), "0:2,1:3");
}

TEST(NodeMapTest, AnythingElseIsRefused) {
  for (const char* text : {"", "0", "0:", ":1", "0:1,", "0:1:2", "0-1:2", "a:b", "0:1,0:2"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseNodeMap(text).status())) << text;
  }
}

TEST(NodeMapTest, ANodeThatKeepsItsMemoryIsNoSource) {
  const NodeMap map = {{NodeId{0}, NodeId{1}}, {NodeId{1}, NodeId{1}}};
  EXPECT_EQ(SourcesOf(map), NodeSet{NodeId{0}});
  EXPECT_EQ(TargetsOf(map), NodeSet{NodeId{1}});
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

TEST(MapToNearestTest, EachNodeGoesToTheNearestTarget) {
  const NodeMap plan = MapToNearest(ThreeNodes(), NodeSet{NodeId{1}, NodeId{2}}, NodeSet{});
  EXPECT_EQ(plan,
            (NodeMap{{NodeId{0}, NodeId{1}}, {NodeId{1}, NodeId{1}}, {NodeId{2}, NodeId{2}}}));
}

TEST(MapToNearestTest, OnlySourcesGiveTheirMemory) {
  const NodeMap plan = MapToNearest(ThreeNodes(), NodeSet{NodeId{1}}, NodeSet{NodeId{2}});
  EXPECT_EQ(plan, (NodeMap{{NodeId{1}, NodeId{1}}, {NodeId{2}, NodeId{1}}}));
}

TEST(MapToNearestTest, NoTargetWithMemoryIsNoPlan) {
  Topology topology = ThreeNodes();
  topology.nodes[NodeId{1}].has_memory = false;
  EXPECT_TRUE(MapToNearest(topology, NodeSet{NodeId{1}}, NodeSet{}).empty());
}

}  // namespace
}  // namespace numalocality::node_map_test
