#include "agent/os/node/reclaim_counters.h"

#include <gtest/gtest.h>

#include "agent/os/node/pressure.h"
#include "tests/unit/fake/temp_tree.h"

namespace numalocality::reclaim_counters_test {
namespace {

TEST(ParseReclaimCountersTest, ReadsTheCountersOfAllNodesAndCgroups) {
  const auto counters = ParseReclaimCounters(
      "pgsteal_kswapd 5\npgsteal_direct 1\npgsteal_direct_throttle 9\npgsteal_anon 20\n"
      "pgsteal_file 300\nworkingset_refault_anon 7\nworkingset_refault_file 40\n");
  ASSERT_TRUE(counters.ok()) << counters.status();
  EXPECT_EQ(counters->refaulted_pages, 40);
  EXPECT_EQ(counters->reclaimed_pages, 320);
  EXPECT_EQ(counters->reclaimed_anon_pages, 20);
}

TEST(ParseReclaimCountersTest, ReadsTheNamesOfOlderKernels) {
  const auto counters =
      ParseReclaimCounters("pgsteal_kswapd 5\npgsteal_direct 1\nworkingset_refault 40\n");
  ASSERT_TRUE(counters.ok()) << counters.status();
  EXPECT_EQ(counters->refaulted_pages, 40);
  EXPECT_EQ(counters->reclaimed_pages, 6);
}

TEST(ParseReclaimCountersTest, MissesWhatIsNotCounted) {
  for (const char* text : {"", "workingset_refault_file 1\n", "pgsteal_anon 1\npgsteal_file 1\n",
                           "pgsteal_anon 1\npgsteal_file 1\nworkingset_refault_file x\n"}) {
    EXPECT_EQ(ParseReclaimCounters(text).status().code(), absl::StatusCode::kUnimplemented) << text;
  }
}

TEST(ReadReclaimCountersTest, WithoutPsiNothingIsStalled) {
  TempTree tree;
  const Host host = Host::Below(tree.root());
  tree.Write("proc/vmstat", "pgsteal_anon 1\npgsteal_file 2\nworkingset_refault_file 3\n");
  const auto without = ReadReclaimCounters(host, absl::Seconds(5));
  ASSERT_TRUE(without.ok()) << without.status();
  EXPECT_EQ(without->stalled, absl::ZeroDuration());
  EXPECT_EQ(without->time, absl::Seconds(5));
  tree.Write("proc/pressure/memory",
             "some avg10=1.00 avg60=0.00 avg300=0.00 total=9000\n"
             "full avg10=0.00 avg60=0.00 avg300=0.00 total=2500\n");
  EXPECT_EQ(ReadReclaimCounters(host, absl::Seconds(5))->stalled, absl::Microseconds(2500));
}

TEST(ParseStallTest, RefusesOtherFormats) {
  for (const char* text : {"", "full", "some total=1\n", "full total=-1\n", "full total=x\n"}) {
    EXPECT_EQ(ParseStall(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace numalocality::reclaim_counters_test
