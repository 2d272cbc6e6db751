#include "agent/os/process/own_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "tests/unit/fake/temp_tree.h"

namespace numalocality::own_process_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(OwnProcessTest, ReadsWhatProcSays) {
  TempTree tree;
  Host host = Host::Below(tree.root());
  host.page_bytes = 4096;
  tree.Write("proc/self/stat",
             "7 (agent) S 1 2 3 0 -1 4194304 1 0 0 0 50 100 0 0 20 0 9 0 1000 1000 200 "
             "18446744073709551615 4096 5000 7000 0\n");
  tree.Write("proc/stat", "cpu 1 2 3\nintr 1 2 3\nctxt 5\nbtime 1700000000\nprocesses 9\n");
  for (const char* fd : {"0", "1", "17"}) tree.Write(std::string("proc/self/fd/") + fd, "");
  const auto process = ReadOwnProcess(host);
  ASSERT_TRUE(process.ok()) << process.status();
  const auto tick = absl::Seconds(1) / sysconf(_SC_CLK_TCK);
  EXPECT_EQ(process->cpu_time, 150 * tick);
  EXPECT_EQ(process->resident_bytes, 200 * 4096);
  EXPECT_EQ(process->open_file_count, 3);
  EXPECT_EQ(process->start_time, absl::FromUnixSeconds(1700000000) + 1000 * tick);

  tree.Write("proc/stat", "cpu 1 2 3\n");
  EXPECT_TRUE(absl::IsInvalidArgument(ReadOwnProcess(host).status()));
}

TEST(OwnProcessTest, ReadsTheRealOne) {
  const auto process = ReadOwnProcess(Host());
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_GT(process->resident_bytes, 100'000);
  EXPECT_GE(process->open_file_count, 3);
  EXPECT_LT(absl::AbsDuration(absl::Now() - process->start_time), absl::Minutes(10));
}

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
}  // namespace numalocality::own_process_test
