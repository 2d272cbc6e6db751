#include "agent/model/workload.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace numalocality::workload_test {
namespace {

Workload Cgroup(const std::string& path) { return {path, 1, std::nullopt, std::nullopt}; }
// As WorkloadFinder finds it: without its cgroup's id.
Workload Process(const std::string& path, pid_t pid, uint64_t start) {
  return {path, 0, std::nullopt, ProcessId{pid, start}};
}

TEST(WorkloadTest, OverlapsWhatHoldsTheSameProcess) {
  EXPECT_TRUE(Cgroup("/a/b").Overlaps(Cgroup("/a/b")));
  EXPECT_TRUE(Cgroup("/a").Overlaps(Cgroup("/a/b")));
  EXPECT_TRUE(Cgroup("/a/b").Overlaps(Cgroup("/a")));
  EXPECT_TRUE(Cgroup("/").Overlaps(Cgroup("/a")));
  EXPECT_TRUE(Cgroup("/a").Overlaps(Process("/a/b", 5, 1)));
  EXPECT_TRUE(Process("/a/b", 5, 1).Overlaps(Cgroup("/a")));
  EXPECT_TRUE(Process("/a", 5, 1).Overlaps(Process("/a", 5, 1)));
}

TEST(WorkloadTest, DoesNotOverlapOthers) {
  EXPECT_FALSE(Cgroup("/a/b").Overlaps(Cgroup("/a/bc")));
  EXPECT_FALSE(Cgroup("/a/b").Overlaps(Cgroup("/a/c")));
  EXPECT_FALSE(Process("/a", 5, 1).Overlaps(Process("/a", 6, 1)));
  EXPECT_FALSE(Process("/a", 5, 1).Overlaps(Process("/a", 5, 2)));
  EXPECT_FALSE(Process("/a", 5, 1).Overlaps(Cgroup("/a/b")));
  EXPECT_FALSE(Process("", 5, 1).Overlaps(Cgroup("/a")));  // a host without cgroup v2
}

TEST(WorkloadTest, IsTheSameByIdentity) {
  Workload renewed = Cgroup("/a");
  renewed.cgroup_id = 2;
  EXPECT_TRUE(Cgroup("/a").IsSame(Cgroup("/a")));
  EXPECT_FALSE(Cgroup("/a").IsSame(renewed));
  EXPECT_FALSE(Cgroup("/a").IsSame(Cgroup("/b"))) << "ids begin anew when the machine starts";
  EXPECT_FALSE(Cgroup("/a").Overlaps(renewed)) << "the earlier one has no processes any more";
  EXPECT_TRUE(renewed.Overlaps(Process("/a", 5, 1))) << "its cgroup's id is not known";
  EXPECT_TRUE(Process("/a", 5, 1).IsSame(Process("/b", 5, 1))) << "it may go to another cgroup";
  EXPECT_FALSE(Process("/a", 5, 1).IsSame(Process("/a", 6, 1)));
  EXPECT_FALSE(Process("/a", 5, 1).IsSame(Process("/a", 5, 2)));
  EXPECT_FALSE(Process("/a", 5, 1).IsSame(Cgroup("/a")));
}

TEST(WorkloadTest, IsNamedForPeople) {
  Workload container = Cgroup("/kubepods/x");
  container.container = {"uid-1", std::string(64, 'c'), QosClass::kBurstable};
  EXPECT_EQ(container.ToString(), "pod uid-1 container cccccccccccc");
  EXPECT_EQ(Cgroup("/a").ToString(), "cgroup /a");
  EXPECT_EQ(Process("/a", 5, 1).ToString(), "process 5");
}

TEST(WorkloadSelectorTest, IsNamedForPeople) {
  const auto named = [](std::optional<std::string> uid, std::optional<std::string> id,
                        std::optional<std::string> path, std::optional<pid_t> pid) {
    return WorkloadSelector{std::move(uid), std::move(id), std::move(path), pid}.ToString();
  };
  EXPECT_EQ(named("u", {}, {}, {}), "pod u");
  EXPECT_EQ(named("u", "c", {}, {}), "pod u container c");
  EXPECT_EQ(named({}, "c", {}, {}), "container c");
  EXPECT_EQ(named({}, {}, "/a", {}), "cgroup /a");
  EXPECT_EQ(named({}, {}, {}, 7), "process 7");
}

// Containers of two pods, with the order of their creation in their ids.
std::vector<Workload> TwoPods(const std::string& prefix) {
  const auto container = [&](const std::string& pod, char id, uint64_t number) {
    Workload workload = Cgroup("/kubepods/pod" + pod + "/" + prefix + std::string(64, id));
    workload.cgroup_id = number;
    workload.container = ContainerRef{pod, std::string(64, id), QosClass::kBurstable};
    return workload;
  };
  return {container("x", 'a', 7), container("x", 'b', 5), container("y", 'c', 6), Cgroup("/z")};
}

TEST(PresumeSandboxesTest, TheFirstOfSeveralContainersIsPresumed) {
  std::vector<Workload> workloads = TwoPods("");
  PresumeSandboxes(workloads);
  EXPECT_EQ(workloads[0].role, ContainerRole::kUnknown);
  EXPECT_EQ(workloads[1].role, ContainerRole::kPresumedSandbox);
  EXPECT_EQ(workloads[2].role, ContainerRole::kUnknown) << "the only one of its pod";
  EXPECT_EQ(workloads[3].role, ContainerRole::kUnknown) << "no container";
}

TEST(PresumeSandboxesTest, WhatIsKnownStays) {
  std::vector<Workload> workloads = TwoPods("");
  workloads[1].role = ContainerRole::kApp;
  PresumeSandboxes(workloads);
  EXPECT_EQ(workloads[0].role, ContainerRole::kUnknown);
  EXPECT_EQ(workloads[1].role, ContainerRole::kApp);
}

TEST(PresumeSandboxesTest, CriOMayHaveNoSandbox) {
  std::vector<Workload> workloads = TwoPods("crio-");
  PresumeSandboxes(workloads);
  EXPECT_EQ(workloads[1].role, ContainerRole::kUnknown);
}

}  // namespace
}  // namespace numalocality::workload_test
