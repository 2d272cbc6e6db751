#include "agent/os/node/pressure.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/fake/temp_tree.h"

namespace numalocality::pressure_test {
namespace {

constexpr char kText[] =
    "some avg10=12.50 avg60=2.04 avg300=0.75 total=157656722\n"
    "full avg10=0.25 avg60=0.13 avg300=0.70 total=3\n";

TEST(ParseMemoryPressureTest, TakesTheTenSecondAverages) {
  EXPECT_EQ(ParseMemoryPressure(kText).value(), (MemoryPressure{0.125, 0.0025}));
}

TEST(ParseMemoryPressureTest, RefusesWhatItIsNot) {
  for (const char* text :
       {"", "some", "some avg10=1.00\n", "some avg10=1.00\nfull avg60=1.00\n",
        "some avg10=x\nfull avg10=0.00\n", "some avg10=-1\nfull avg10=0.00\n",
        "some avg10=101\nfull avg10=0.00\n", "some avg10=nan\nfull avg10=0.00\n"}) {
    EXPECT_EQ(ParseMemoryPressure(text).status().code(), absl::StatusCode::kInvalidArgument)
        << text;
  }
}

TEST(ReadPressureTest, ReadsTheMachinesAndACgroups) {
  TempTree tree;
  const Host host = Host::Below(tree.root());
  EXPECT_TRUE(absl::IsNotFound(ReadMachinePressure(host).status()));
  EXPECT_TRUE(absl::IsNotFound(ReadCgroupPressure(host, "/a/b").status()));
  tree.Write("sys/fs/cgroup/a/b/memory.pressure", kText);
  tree.Write("proc/pressure/memory", kText);
  EXPECT_TRUE(ReadMachinePressure(host).ok());
  EXPECT_TRUE(ReadCgroupPressure(host, "/a/b").ok());
  // cgroup v1 has no pressure files.
  tree.Write("sys/fs/cgroup/memory/c/memory.numa_stat", "");
  EXPECT_TRUE(absl::IsNotFound(ReadCgroupPressure(host, "/c").status()));
}

}  // namespace
}  // namespace numalocality::pressure_test
