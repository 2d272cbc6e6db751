#include "agent/os/cgroup_layout.h"

#include <gtest/gtest.h>

#include "tests/unit/fake/fake_host.h"

namespace numalocality {
namespace {

TEST(CgroupLayoutTest, VersionTwoIsToldByItsControllers) {
  FakeHost host;
  const auto layout = FindCgroupLayout(host.paths());
  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(layout->version, CgroupVersion::kV2);
  EXPECT_EQ(layout->memory, layout->cpuset);
  EXPECT_FALSE(layout->lists_grow_old);
}

TEST(CgroupLayoutTest, HybridHostsAreOfVersion1) {
  for (const bool hybrid : {false, true}) {
    FakeHost host;
    host.UseCgroupV1(hybrid);
    const auto layout = FindCgroupLayout(host.paths());
    ASSERT_TRUE(layout.ok()) << layout.status();
    EXPECT_EQ(layout->version, CgroupVersion::kV1);
    EXPECT_EQ(layout->memory, host.paths().cgroup + "/memory");
    EXPECT_EQ(layout->cpuset, host.paths().cgroup + "/cpuset");
  }
}

TEST(CgroupLayoutTest, BothControllersOfVersion1AreNeeded) {
  for (const char* tree : {"memory", "cpuset"}) {
    FakeHost host;
    host.UseCgroupV1(true);
    host.tree().Remove(std::string("sys/fs/cgroup/") + tree);
    EXPECT_TRUE(absl::IsFailedPrecondition(FindCgroupLayout(host.paths()).status())) << tree;
    EXPECT_FALSE(IsMachineRoot(host.paths()));
  }
}

TEST(CgroupLayoutTest, TheMachinesRootIsToldFromAContainers) {
  FakeHost host;
  EXPECT_TRUE(IsMachineRoot(host.paths()));
  host.tree().Write("sys/fs/cgroup/cgroup.events", "populated 1\n");
  EXPECT_FALSE(IsMachineRoot(host.paths()));
  host.UseCgroupV1();
  EXPECT_TRUE(IsMachineRoot(host.paths()));
  host.tree().Remove("sys/fs/cgroup/memory/release_agent");
  EXPECT_FALSE(IsMachineRoot(host.paths()));
}

}  // namespace
}  // namespace numalocality
