#include "agent/os/process/process_cgroup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "agent/os/cgroup/cgroup_dir.h"
#include "agent/os/cgroup/parse_cgroup.h"
#include "tests/unit/fake/fake_machine.h"
#include "tests/unit/fake/temp_tree.h"

namespace numalocality::process_cgroup_test {
namespace {

constexpr char kPod[] = "sys/fs/cgroup/kubepods/burstable/podA";

// A host with this process in one of its cgroups. `own` is the path in /proc/self/cgroup.
class FindCgroupNamespaceTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::string> Find(const std::string& own) {
    tree_.Write("proc/self/cgroup", "0::" + own + "\n");
    return FindCgroupNamespace(Host::Below(tree_.root()));
  }
  void AddCgroup(const std::string& path, const std::string& pids) {
    tree_.Write(path + "/cgroup.procs", pids);
  }
  void SetUp() override {
    tree_.Write("sys/fs/cgroup/cgroup.controllers", "memory\n");
    AddCgroup("sys/fs/cgroup", "1\n2\n");
    AddCgroup("sys/fs/cgroup/kubepods", "");
    AddCgroup("sys/fs/cgroup/kubepods/burstable", "");
    AddCgroup(kPod, "");
    AddCgroup(std::string(kPod) + "/C", std::to_string(getpid()) + "\n");
    AddCgroup(std::string(kPod) + "/D", "3\n");
  }
  TempTree tree_;
};

TEST_F(FindCgroupNamespaceTest, TheHosts) { EXPECT_EQ(*Find("/kubepods/burstable/podA/C"), "/"); }

TEST_F(FindCgroupNamespaceTest, TheContainersOwn) {
  EXPECT_EQ(*Find("/"), "/kubepods/burstable/podA/C");
}

TEST_F(FindCgroupNamespaceTest, OneAboveItsOwn) {
  EXPECT_EQ(*Find("/podA/C"), "/kubepods/burstable");
}

TEST_F(FindCgroupNamespaceTest, NotFoundInATreeWithoutThisProcess) {
  AddCgroup(std::string(kPod) + "/C", "4\n");
  const auto found = Find("/");
  EXPECT_EQ(found.status().code(), absl::StatusCode::kNotFound) << found.status();
}

// A tenant can make cgroups that cannot be read: those that are too large, or nest too deeply.
TEST_F(FindCgroupNamespaceTest, SkipsWhatCannotBeRead) {
  tree_.MakeDirectory("sys/fs/cgroup/kubepods/aaa/cgroup.procs");  // no file: EISDIR
  EXPECT_EQ(*Find("/"), "/kubepods/burstable/podA/C");
  AddCgroup(std::string(kPod) + "/C", "4\n");
  const auto found = Find("/");
  EXPECT_TRUE(absl::IsUnavailable(found.status())) << found.status();
  EXPECT_THAT(found.status().message(), ::testing::HasSubstr("/kubepods/aaa"));
}

// The loop repeats a search that fails.
TEST_F(FindCgroupNamespaceTest, VisitsOnlyAPartOfWhatATenantCreates) {
  const std::string tenant =
      "sys/fs/cgroup/kubepods/burstable/pod" + std::string(32, 'a') + "/" + std::string(64, 'c');
  ASSERT_TRUE(ParseContainerCgroup(tenant.substr(tenant.find("/kubepods"))).has_value());
  AddCgroup(tenant, "7\n");
  for (int i = 0; i < 2 * kMostTenantCgroups; ++i) {
    tree_.MakeDirectory(absl::StrCat(tenant, "/", 1000 + i));
  }
  EXPECT_EQ(*Find("/"), "/kubepods/burstable/podA/C");
  // Not even one with this process in it is visited.
  AddCgroup(std::string(kPod) + "/C", "4\n");
  AddCgroup(absl::StrCat(tenant, "/", 1000 + 2 * kMostTenantCgroups),
            std::to_string(getpid()) + "\n");
  const auto found = Find("/");
  EXPECT_EQ(found.status().code(), absl::StatusCode::kUnavailable) << found.status();
  EXPECT_THAT(found.status().message(), ::testing::HasSubstr("more than 500 cgroups below it"));
}

TEST_F(FindCgroupNamespaceTest, WhatIsFoundLateHoldsForAllCopies) {
  const Host host = Host::Below(tree_.root());
  host.SetOwnPlace({false, "/", ""});
  const Host copy = host;
  tree_.Write("proc/self/cgroup", "0::/\n");
  AddCgroup(std::string(kPod) + "/C", "4\n");
  FindOwnPlace(host);
  EXPECT_FALSE(copy.own_place()->is_known);
  AddCgroup(std::string(kPod) + "/C", std::to_string(getpid()) + "\n");
  FindOwnPlace(host);
  EXPECT_TRUE(copy.own_place()->is_known);
  EXPECT_EQ(*ProcessCgroup(copy, "0::/../D\n"), "/kubepods/burstable/podA/D");
}

// In a container, whose own cgroup is the root of its cgroup namespace.
TEST_F(FindCgroupNamespaceTest, TheOnlyPodIsTheOneWhoseSandboxComesFirst) {
  constexpr char kUid[] = "01234567-cccc-dddd-eeee-ffff00001111";
  const std::string pod = absl::StrCat("/kubepods/burstable/pod", kUid, "/");
  Host host = Host::Below(tree_.root());
  host.SetOwnPlace({true, pod + std::string(64, 'a'), ""});
  tree_.Write("proc/self/cgroup", "0::/\n");
  const auto with_first_in = [&](const std::string& cgroup) {
    tree_.Write("proc/1/cgroup", absl::StrCat("0::", cgroup, "\n"));
    return FindOnlyPod(host);
  };
  EXPECT_EQ(with_first_in("/../" + std::string(64, 'b')), kUid) << "the sandbox's process";
  EXPECT_EQ(with_first_in("/"), "") << "the agent is it, and sees nobody else";
  EXPECT_EQ(with_first_in("/../../../../init.scope"), "") << "the host's";
  EXPECT_EQ(with_first_in("/../../podfedcba98-cccc-dddd-eeee-ffff00001111/" + std::string(64, 'c')),
            "");
  host.SetOwnPlace({true, "/system.slice/agent.service", ""});
  EXPECT_EQ(with_first_in("/../../init.scope"), "") << "outside of pods";
}

TEST_F(FindCgroupNamespaceTest, OfThisVeryProcess) {
  // In any environment, this process is found or the result says that it is not.
  const auto found = FindCgroupNamespace(Host());
  EXPECT_TRUE(found.ok() || absl::IsNotFound(found.status()) || absl::IsUnavailable(found.status()))
      << found.status();
}

TEST(FindCgroupNamespaceV1Test, LooksInTheTreeOfMemory) {
  FakeMachine machine;
  machine.UseCgroupV1();
  machine.AddCgroup("/kubepods/podA/C", {getpid()});
  machine.AddCgroup("/kubepods/podA/D", {3});
  machine.tree().Write("proc/self/cgroup", "5:memory:/kubepods/podA/C\n4:cpuset:/x\n0::/\n");
  EXPECT_EQ(*FindCgroupNamespace(machine.host()), "/");
  machine.tree().Write("proc/self/cgroup", "5:memory:/\n4:cpuset:/x\n0::/\n");
  EXPECT_EQ(*FindCgroupNamespace(machine.host()), "/kubepods/podA/C");
}

TEST(FromCgroupNamespaceTest, GoesUpAndDown) {
  EXPECT_EQ(FromCgroupNamespace("/", "/a/b"), "/a/b");
  EXPECT_EQ(FromCgroupNamespace("/", "/"), "/");
  EXPECT_EQ(FromCgroupNamespace("/a/b", "/"), "/a/b");
  EXPECT_EQ(FromCgroupNamespace("/a/b", "/c"), "/a/b/c");
  EXPECT_EQ(FromCgroupNamespace("/a/b", "/.."), "/a");
  EXPECT_EQ(FromCgroupNamespace("/a/b", "/../c/d"), "/a/c/d");
  EXPECT_EQ(FromCgroupNamespace("/a/b", "/../../c"), "/c");
  EXPECT_EQ(FromCgroupNamespace("/a/b", "/../.."), "/");
  // There is nothing above the root, so the result is never another cgroup's path.
  EXPECT_EQ(FromCgroupNamespace("/a", "/../../c"), "/c");
}

TEST(ProcessCgroupTest, IsSeenFromTheRootOfTheTree) {
  Host host;
  EXPECT_EQ(*ProcessCgroup(host, "0::/kubepods/podA/C\n"), "/kubepods/podA/C");
  host.SetOwnPlace({true, "/kubepods/podA/C", ""});
  EXPECT_EQ(*ProcessCgroup(host, "0::/../../podB/D\n"), "/kubepods/podB/D");
  EXPECT_EQ(*ProcessCgroup(host, "0::/\n"), "/kubepods/podA/C");
  EXPECT_EQ(ProcessCgroup(host, "4:cpuset:/x\n").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace numalocality::process_cgroup_test
