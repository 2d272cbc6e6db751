#include "agent/engine/repair/cgroup_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/fake/fake_machine.h"

namespace numalocality::cgroup_watch_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

// What is watched is real: the fake host's files are.
class CgroupWatchTest : public ::testing::Test {
 protected:
  CgroupWatch Watch() {
    auto watch = CgroupWatch::Create(machine_.host());
    EXPECT_TRUE(watch.ok()) << watch.status();
    EXPECT_TRUE(watch->Watch({"/", "/pod"}).value());
    EXPECT_FALSE(watch->Watch({"/", "/pod"}).value());
    return *std::move(watch);
  }
  // All events until none arrives for a moment.
  static CgroupNews News(CgroupWatch& watch) { return watch.Wait(absl::Milliseconds(200)); }

  FakeMachine machine_;
};

TEST_F(CgroupWatchTest, ReportsWrittenFilesAndCgroupsThatComeAndGo) {
  machine_.AddCgroup("/pod");
  machine_.WriteCgroupFile("/pod", "cpuset.cpus", "0\n");
  CgroupWatch watch = Watch();
  EXPECT_TRUE(News(watch).empty());
  machine_.WriteCgroupFile("/pod", "cpuset.cpus", "1\n");
  const CgroupNews written = News(watch);
  EXPECT_THAT(written.written, ElementsAre(Pair("/pod", "cpuset.cpus")));
  EXPECT_FALSE(written.tree_changed);
  machine_.AddCgroup("/pod/container");
  EXPECT_TRUE(News(watch).tree_changed);
  machine_.RemoveCgroup("/pod");
  EXPECT_TRUE(News(watch).tree_changed);
}

TEST_F(CgroupWatchTest, OnVersion1WatchesTheTreesOfCpusetAndMemory) {
  machine_.UseCgroupV1();
  machine_.AddCgroup("/pod");
  machine_.WriteCgroupFile("/pod", "cpuset.cpus", "0\n");
  CgroupWatch watch = Watch();
  machine_.WriteCgroupFile("/pod", "cpuset.cpus", "1\n");
  EXPECT_THAT(News(watch).written, ElementsAre(Pair("/pod", "cpuset.cpus")));
  machine_.tree().MakeDirectory("sys/fs/cgroup/memory/pod/container");
  EXPECT_TRUE(News(watch).tree_changed);
  EXPECT_TRUE(watch.Watch({"/pod/container"}).value());
  // It is created in the second tree later: that is no error, and it is watched from then on.
  machine_.tree().Write("sys/fs/cgroup/cpuset/pod/container/cpuset.cpus", "0\n");
  EXPECT_TRUE(News(watch).tree_changed);
  EXPECT_TRUE(watch.Watch({"/pod/container"}).value());
  machine_.WriteCgroupFile("/pod/container", "cpuset.cpus", "1\n");
  EXPECT_THAT(News(watch).written, ElementsAre(Pair("/pod/container", "cpuset.cpus")));
  EXPECT_FALSE(watch.Watch({"/pod/container"}).value());
}

TEST_F(CgroupWatchTest, WithoutCgroupsItSaysSo) {
  machine_.tree().Remove("sys/fs/cgroup/cgroup.controllers");
  auto watch = CgroupWatch::Create(machine_.host());
  ASSERT_TRUE(watch.ok()) << watch.status();
  EXPECT_TRUE(absl::IsFailedPrecondition(watch->Watch({"/"}).status()));
  EXPECT_THAT(News(*watch).written, IsEmpty());
}

}  // namespace
}  // namespace numalocality::cgroup_watch_test
