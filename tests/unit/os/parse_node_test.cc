#include "agent/os/parse_node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace numalocality {
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
  for (const char* text :
       {"", "Node 0 MemTotal: 1 kB\n", "Node 0 MemFree: 1 kB\n",
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

}  // namespace
}  // namespace numalocality
