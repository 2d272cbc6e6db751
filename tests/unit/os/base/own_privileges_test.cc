#include "agent/os/base/own_privileges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/fake/temp_tree.h"

namespace numalocality::own_privileges_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kStatus[] =
    "Name:\tagent\n"
    "CapInh:\t0000000000000000\n"
    "CapEff:\t0000000000080004\n"
    "Seccomp:\t2\n"
    "Seccomp_filters:\t1\n"
    "Mems_allowed:\t00000005\n"
    "Mems_allowed_list:\t0,2\n";

TEST(OwnPrivilegesTest, AreInTheStatusOfAProcess) {
  const auto privileges = ParsePrivileges(kStatus);
  ASSERT_TRUE(privileges.ok()) << privileges.status();
  EXPECT_TRUE(privileges->effective.Has(Capability::kSysPtrace));
  EXPECT_FALSE(privileges->effective.Has(Capability::kSysNice));
  EXPECT_THAT(privileges->effective.Names(), ElementsAre("CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE"));
  EXPECT_EQ(privileges->seccomp, SeccompMode::kFilter);
  EXPECT_EQ(privileges->allowed_nodes, (NodeSet{NodeId{0}, NodeId{2}}));
}

TEST(OwnPrivilegesTest, WithoutSeccompInTheKernelThereIsNoFilter) {
  const auto privileges = ParsePrivileges("CapEff:\t0\nMems_allowed_list:\t0\n");
  ASSERT_TRUE(privileges.ok()) << privileges.status();
  EXPECT_EQ(privileges->seccomp, SeccompMode::kDisabled);
  EXPECT_THAT(privileges->effective.Names(), ElementsAre());
}

TEST(OwnPrivilegesTest, CapabilitiesWithoutANameHaveANumber) {
  EXPECT_THAT(CapabilitySet(uint64_t{1} << 40 | uint64_t{1} << 63).Names(),
              ElementsAre("CAP_CHECKPOINT_RESTORE", "CAP_63"));
}

TEST(OwnPrivilegesTest, WhatIsMissingIsNamed) {
  EXPECT_THAT(std::string(ParsePrivileges("Mems_allowed_list:\t0\n").status().message()),
              HasSubstr("CapEff"));
  EXPECT_THAT(std::string(ParsePrivileges("CapEff:\t0\n").status().message()),
              HasSubstr("Mems_allowed_list"));
  EXPECT_FALSE(ParsePrivileges("CapEff:\tx\nMems_allowed_list:\t0\n").ok());
}

TEST(OwnPrivilegesTest, TheRealOnesCanBeRead) {
  const auto privileges = ReadOwnPrivileges(Host());
  ASSERT_TRUE(privileges.ok()) << privileges.status();
  EXPECT_FALSE(privileges->allowed_nodes.empty());
}

TEST(OwnPrivilegesTest, AnotherPidNamespaceIsNoticed) {
  TempTree tree;
  tree.Write("proc/self/status", kStatus);
  tree.Write("proc/self/ns/pid", "");
  EXPECT_FALSE(ReadOwnPrivileges(Host::Below(tree.root()))->in_host_pid_namespace);
}

TEST(OwnPrivilegesTest, TheLabelEndsWhereItsModuleEndsIt) {
  TempTree tree;
  tree.Write("proc/self/status", kStatus);
  tree.Write("proc/self/ns/pid", "");
  const auto label = [&] { return ReadOwnPrivileges(Host::Below(tree.root()))->security_label; };
  EXPECT_EQ(label(), "");
  tree.Write("proc/self/attr/current", "docker-default (enforce)\n");
  EXPECT_EQ(label(), "docker-default (enforce)");
  tree.Write("proc/self/attr/current", std::string("system_u:system_r:spc_t:s0\0", 27));
  EXPECT_EQ(label(), "system_u:system_r:spc_t:s0");
}

}  // namespace
}  // namespace numalocality::own_privileges_test
