#include "agent/os/node/topology_reader.h"

#include <gmock/gmock.h>
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
  EXPECT_EQ(TopologyReader(machine.host()).ReadMemory(NodeId{0})->free, 400 * 4096);
}

TEST(TopologyReaderTest, SparseIdsTakeTheDistancesInOrder) {
  const FakeMachine machine({{0, "0-1"}, {2, "2-3"}, {70, "4-5"}},
                            {"10 20 30", "20 10 40", "30 40 10"});
  const Topology topology = Read(machine);
  EXPECT_EQ(topology.OnlineNodes(), Nodes("0,2,70"));
  EXPECT_EQ(topology.Distance(NodeId{2}, NodeId{70}), 40);
  EXPECT_EQ(topology.HomeNodes(CpuSet::Parse("4").value()), Nodes("70"));
}

TEST(TopologyReaderTest, AMemoryOnlyNodeIsNoHomeNode) {
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

TEST(ParseNodeMeminfoTest, ReadsTotalAndFree) {
  const auto memory = ParseNodeMeminfo(
      "Node 12 MemTotal:       16384 kB\n"
      "Node 12 MemFree:         4096 kB\n"
      "Node 12 MemUsed:        12288 kB\n"
      "Node 12 HugePages_Total:     0\n");
  ASSERT_TRUE(memory.ok()) << memory.status();
  EXPECT_EQ(memory->total, 16384 * 1024);
  EXPECT_EQ(memory->free, 4096 * 1024);
  EXPECT_EQ(memory->clean_cache, 0);
}

TEST(ParseNodeMeminfoTest, PageCacheThatMustBeWrittenFirstIsNotClean) {
  const std::string fields =
      "Node 0 MemTotal: 9 kB\nNode 0 MemFree: 1 kB\nNode 0 Active(file): 4 kB\n"
      "Node 0 Inactive(file): 100 kB\nNode 0 Inactive(anon): 50 kB\nNode 0 Dirty: 30 kB\n";
  EXPECT_EQ(ParseNodeMeminfo(fields + "Node 0 Writeback: 20 kB\n")->clean_cache, 50 * 1024);
  EXPECT_EQ(ParseNodeMeminfo(fields + "Node 0 Writeback: 90 kB\n")->clean_cache, 0);
}

TEST(ParseNodeMeminfoTest, RefusesOtherFormats) {
  for (const char* text : {"", "Node 0 MemTotal: 1 kB\n", "Node 0 MemFree: 1 kB\n",
                           "Node 0 MemTotal: x kB\nNode 0 MemFree: 1 kB\n",
                           "Node 0 MemTotal: 1 MB\nNode 0 MemFree: 1 kB\n",
                           "Node 0 MemTotal: -1 kB\nNode 0 MemFree: 1 kB\n",
                           "Node 0 MemTotal: 9223372036854775807 kB\nNode 0 MemFree: 1 kB\n"}) {
    EXPECT_EQ(ParseNodeMeminfo(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ParseDistancesTest, ReadsARow) {
  EXPECT_THAT(ParseDistances("10 21 255\n").value(), ::testing::ElementsAre(10, 21, 255));
  EXPECT_THAT(ParseDistances("\n").value(), ::testing::ElementsAre());
  for (const char* text : {"10 x", "10 -1", "0", "10,20"}) {
    EXPECT_EQ(ParseDistances(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ParseWatermarksTest, SumsTheZonesOfANode) {
  const auto watermarks = ParseWatermarks(
      "Node 0, zone      DMA\n"
      "  pages free     3840\n"
      "        boost    0\n"
      "        min      66\n"
      "        low      82\n"
      "        high     98\n"
      "        spanned  4095\n"
      "  pagesets\n"
      "    cpu: 0\n"
      "              count: 0\n"
      "              high:  14\n"
      "Node 0, zone   Normal\n"
      "        min      500\n"
      "        high     1000\n"
      "Node 2, zone  Movable\n"
      "        high     7\n");
  ASSERT_TRUE(watermarks.ok()) << watermarks.status();
  EXPECT_EQ(*watermarks,
            (std::map<NodeId, Watermarks>{{NodeId{0}, {566, 1098}}, {NodeId{2}, {0, 7}}}));
  EXPECT_TRUE(ParseWatermarks("").value().empty());
}

TEST(ParseWatermarksTest, RefusesOtherFormats) {
  for (const char* text :
       {"Node x, zone DMA\n", "Node 0, zone DMA\n high x\n", "Node 0, zone DMA\n high -1\n"}) {
    EXPECT_EQ(ParseWatermarks(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace numalocality::topology_reader_test
