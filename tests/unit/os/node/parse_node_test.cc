#include "agent/os/node/parse_node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace numalocality::parse_node_test {
namespace {

TEST(ParseNodeMeminfoTest, ReadsTotalAndFree) {
  const auto memory = ParseNodeMeminfo(
      "Node 12 MemTotal:       16384 kB\n"
      "Node 12 MemFree:         4096 kB\n"
      "Node 12 MemUsed:        12288 kB\n"
      "Node 12 HugePages_Total:     0\n");
  ASSERT_TRUE(memory.ok()) << memory.status();
  EXPECT_EQ(memory->total_bytes, 16384 * 1024);
  EXPECT_EQ(memory->free_bytes, 4096 * 1024);
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

TEST(ParseHighWatermarksTest, SumsTheZonesOfANode) {
  const auto watermarks = ParseHighWatermarks(
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
      "        high     1000\n"
      "Node 2, zone  Movable\n"
      "        high     7\n");
  ASSERT_TRUE(watermarks.ok()) << watermarks.status();
  EXPECT_EQ(*watermarks, (std::map<NodeId, int64_t>{{NodeId{0}, 1098}, {NodeId{2}, 7}}));
  EXPECT_TRUE(ParseHighWatermarks("").value().empty());
}

TEST(ParseHighWatermarksTest, RefusesOtherFormats) {
  for (const char* text :
       {"Node x, zone DMA\n", "Node 0, zone DMA\n high x\n", "Node 0, zone DMA\n high -1\n"}) {
    EXPECT_EQ(ParseHighWatermarks(text).status().code(), absl::StatusCode::kInvalidArgument)
        << text;
  }
}

}  // namespace
}  // namespace numalocality::parse_node_test
