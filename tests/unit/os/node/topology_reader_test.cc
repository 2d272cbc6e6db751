#include "agent/os/node/topology_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/fake/fake_machine.h"

namespace numalocality::topology_reader_test {
namespace {

NodeSet Nodes(const char* list) { return NodeSet::Parse(list).value(); }

Topology Read(const FakeMachine& machine) {
  const auto topology = TopologyReader(machine.host()).Read();
  EXPECT_TRUE(topology.ok()) << topology.status();
  return topology.value();
}

TEST(TopologyReaderTest, TwoNodes) {
  const FakeMachine machine({{0, "0-3", 1000, 400}, {1, "4-7", 2000, 500}}, {"10 21", "21 10"});
  const Topology topology = Read(machine);
  EXPECT_EQ(topology.OnlineNodes(), Nodes("0-1"));
  EXPECT_EQ(topology.Find(NodeId{1})->cpus, CpuSet::Parse("4-7").value());
  EXPECT_EQ(topology.Find(NodeId{1})->total_bytes, 2000 * 4096);
  EXPECT_EQ(topology.Find(NodeId{1})->free_bytes, 500 * 4096);
  EXPECT_EQ(topology.Distance(NodeId{0}, NodeId{1}), 21);
  EXPECT_EQ(TopologyReader(machine.host()).ReadFreeBytes(NodeId{0}).value(), 400 * 4096);
}

TEST(TopologyReaderTest, SparseIdsTakeTheDistancesInOrder) {
  const FakeMachine machine({{0, "0-1"}, {2, "2-3"}, {70, "4-5"}},
                            {"10 20 30", "20 10 40", "30 40 10"});
  const Topology topology = Read(machine);
  EXPECT_EQ(topology.OnlineNodes(), Nodes("0,2,70"));
  EXPECT_EQ(topology.Distance(NodeId{2}, NodeId{70}), 40);
  EXPECT_EQ(topology.HomeNodes(CpuSet::Parse("4").value()), Nodes("70"));
}

TEST(TopologyReaderTest, AMemoryOnlyNodeIsNobodysHome) {
  const FakeMachine machine({{0, "0-3"}, {1, ""}});
  const Topology topology = Read(machine);
  EXPECT_TRUE(topology.Find(NodeId{1})->has_memory);
  EXPECT_TRUE(topology.Find(NodeId{1})->cpus.empty());
  EXPECT_EQ(topology.HomeNodes(CpuSet::Parse("0-3").value()), Nodes("0"));
}

TEST(TopologyReaderTest, AMemorylessNodeHasItsHomeElsewhere) {
  const FakeMachine machine({{0, "0-3"}, {1, "4-7", 0, 0, false}});
  const Topology topology = Read(machine);
  EXPECT_FALSE(topology.Find(NodeId{1})->has_memory);
  EXPECT_EQ(topology.MemoryNodes(), Nodes("0"));
  EXPECT_EQ(topology.HomeNodes(CpuSet::Parse("4").value()), Nodes("0"));
}

TEST(TopologyReaderTest, OneNodeAndEightNodes) {
  EXPECT_EQ(Read(FakeMachine({{0, "0-3"}})).OnlineNodes(), Nodes("0"));
  std::vector<FakeNode> nodes;
  for (int id = 0; id < 8; ++id) nodes.push_back({id, std::to_string(id)});
  const Topology eight = Read(FakeMachine(nodes));
  EXPECT_EQ(eight.OnlineNodes(), Nodes("0-7"));
  EXPECT_EQ(eight.HomeNodes(CpuSet::Parse("6").value()), Nodes("6"));
}

TEST(TopologyReaderTest, HalfATopologyIsAnError) {
  const std::string node = "sys/devices/system/node";
  for (const char* file :
       {"online", "has_memory", "node1/cpulist", "node1/distance", "node1/meminfo"}) {
    FakeMachine missing;
    missing.tree().Remove(node + "/" + file);
    EXPECT_FALSE(TopologyReader(missing.host()).Read().ok()) << file;
    FakeMachine garbled;
    garbled.tree().Write(node + "/" + file, "rubbish\n");
    const auto topology = TopologyReader(garbled.host()).Read();
    EXPECT_FALSE(topology.ok()) << file;
  }
}

TEST(TopologyReaderTest, ADistanceForEachOnlineNode) {
  FakeMachine machine;
  machine.tree().Write("sys/devices/system/node/node0/distance", "10\n");
  EXPECT_EQ(TopologyReader(machine.host()).Read().status().code(), absl::StatusCode::kInternal);
}

TEST(TopologyReaderTest, HugePageSizeIsZeroWhereThereAreNone) {
  FakeMachine machine;
  EXPECT_EQ(TopologyReader(machine.host()).ReadHugePageBytes(), 2 << 20);
  machine.SetHugePages(false);
  EXPECT_EQ(TopologyReader(machine.host()).ReadHugePageBytes(), 0);
}

}  // namespace
}  // namespace numalocality::topology_reader_test
