#include "agent/os/cgroup/cgroup_layout.h"

#include <gtest/gtest.h>

#include "tests/unit/fake/fake_machine.h"

namespace numalocality::cgroup_layout_test {
namespace {

TEST(CgroupLayoutTest, VersionTwoIsRecognisedByItsControllers) {
  FakeMachine machine;
  const auto layout = FindCgroupLayout(machine.host());
  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(layout->version, CgroupVersion::kV2);
  EXPECT_EQ(layout->memory, layout->cpuset);
  EXPECT_FALSE(layout->lists_grow_old);
}

TEST(CgroupLayoutTest, HybridHostsAreOfVersion1) {
  for (const bool hybrid : {false, true}) {
    FakeMachine machine;
    machine.UseCgroupV1(hybrid);
    const auto layout = FindCgroupLayout(machine.host());
    ASSERT_TRUE(layout.ok()) << layout.status();
    EXPECT_EQ(layout->version, CgroupVersion::kV1);
    EXPECT_EQ(layout->memory, machine.host().cgroup + "/memory");
    EXPECT_EQ(layout->cpuset, machine.host().cgroup + "/cpuset");
  }
}

TEST(CgroupLayoutTest, BothControllersOfVersion1AreNeeded) {
  for (const char* tree : {"memory", "cpuset"}) {
    FakeMachine machine;
    machine.UseCgroupV1(true);
    machine.tree().Remove(std::string("sys/fs/cgroup/") + tree);
    EXPECT_TRUE(absl::IsFailedPrecondition(FindCgroupLayout(machine.host()).status())) << tree;
    EXPECT_FALSE(IsMachineRoot(machine.host()));
  }
}

TEST(CgroupLayoutTest, TheMachinesRootIsDistinguishedFromAContainers) {
  FakeMachine machine;
  EXPECT_TRUE(IsMachineRoot(machine.host()));
  machine.tree().Write("sys/fs/cgroup/cgroup.events", "populated 1\n");
  EXPECT_FALSE(IsMachineRoot(machine.host()));
  machine.UseCgroupV1();
  EXPECT_TRUE(IsMachineRoot(machine.host()));
  machine.tree().Remove("sys/fs/cgroup/memory/release_agent");
  EXPECT_FALSE(IsMachineRoot(machine.host()));
}

}  // namespace
}  // namespace numalocality::cgroup_layout_test
