#include "agent/os/cgroup/cgroup_counters.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/unit/fake/fake_machine.h"

namespace numalocality::cgroup_counters_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kPath[] = "/pod/container";

class CgroupCountersTest : public ::testing::Test {
 protected:
  CgroupCountersTest() {
    const auto process = machine_.AddProcess(10);
    process->threads[11] = process->threads[10];
    machine_.AddProcess(20);
    machine_.AddCgroup(kPath, {10, 20});
    Write("memory.numa_stat", "anon N0=8192 N1=4096\nfile N0=0 N1=0\nshmem N0=0 N1=0\n");
  }
  void Write(const std::string& name, const std::string& text) {
    machine_.WriteCgroupFile(kPath, name, text);
  }
  CgroupCounters Open() {
    auto counters = CgroupCounters::Open(machine_.host(), kPath);
    EXPECT_TRUE(counters.ok()) << counters.status();
    return *std::move(counters);
  }

  FakeMachine machine_;
};

TEST_F(CgroupCountersTest, ReadsAllAndThenWhatChanges) {
  CgroupCounters counters = Open();
  EXPECT_NE(counters.id(), 0u);
  EXPECT_TRUE(counters.counts_memory());
  EXPECT_TRUE(counters.Refresh().value());
  EXPECT_EQ(counters.memory().BytesOn({NodeId{0}}, kPrivateKinds), 8192);
  EXPECT_EQ(counters.allowed_nodes().ToString(), "0-1");
  EXPECT_THAT(counters.thread_ids(), ElementsAre(10, 11, 20));
  EXPECT_EQ(counters.process_count(), 2);
  EXPECT_FALSE(counters.Refresh().value());

  Write("memory.numa_stat", "anon N0=0 N1=4096\nfile N0=0 N1=0\nshmem N0=0 N1=0\n");
  EXPECT_TRUE(counters.Refresh().value());
  EXPECT_EQ(counters.memory().BytesOn({NodeId{0}}, kPrivateKinds), 0);
  Write("cpuset.mems.effective", "1\n");
  EXPECT_TRUE(counters.Refresh().value());
  EXPECT_EQ(counters.allowed_nodes().ToString(), "1");
  Write("cgroup.threads", "20\n");
  Write("cgroup.procs", "20\n");
  EXPECT_TRUE(counters.Refresh().value());
  EXPECT_THAT(counters.thread_ids(), ElementsAre(20));
  EXPECT_EQ(counters.process_count(), 1);
  EXPECT_FALSE(counters.Refresh().value());
}

TEST_F(CgroupCountersTest, CountsThreadsOfAnotherPidNamespace) {
  Write("cgroup.threads", "0\n10\n0\n");
  CgroupCounters counters = Open();
  EXPECT_TRUE(counters.Refresh().ok());
  EXPECT_THAT(counters.thread_ids(), ElementsAre(10));
  EXPECT_EQ(counters.hidden_count(), 2);
}

TEST_F(CgroupCountersTest, ListsLargerThanABufferAreReadWhole) {
  std::string threads;
  for (int i = 1; i <= 20000; ++i) absl::StrAppend(&threads, i, "\n");
  Write("cgroup.threads", threads);
  CgroupCounters counters = Open();
  EXPECT_TRUE(counters.Refresh().ok());
  EXPECT_EQ(counters.thread_ids().size(), 20000u);
  EXPECT_FALSE(counters.Refresh().value());
}

TEST(KeptFileTest, ListsThatTheKernelHandsOutByThePageAreReadWhole) {
  // Adjacent mappings that the kernel cannot merge are one line each. Like cgroup.threads, the
  // kernel returns /proc/PID/maps page by page.
  constexpr size_t kMappings = 500;
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  char* const area = static_cast<char*>(
      mmap(nullptr, kMappings * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(area, MAP_FAILED);
  for (size_t i = 0; i < kMappings; i += 2) mprotect(area + i * page, page, PROT_READ);
  KeptFile maps(ScopedFd(open("/proc/self/maps", O_RDONLY | O_CLOEXEC)), "maps", FileShape::kLines);
  ASSERT_TRUE(maps.Refresh().ok());
  EXPECT_GE(std::count(maps.text().begin(), maps.text().end(), '\n'), kMappings);
  munmap(area, kMappings * page);
}

TEST_F(CgroupCountersTest, HugePagesAreAddedFromEachSize) {
  Write("hugetlb.2MB.numa_stat", "total=4194304 N0=4194304 N1=0\n");
  Write("hugetlb.1GB.numa_stat", "total=1073741824 N0=0 N1=1073741824\n");
  CgroupCounters counters = Open();
  EXPECT_TRUE(counters.Refresh().ok());
  EXPECT_EQ(counters.memory().Bytes({MemoryKind::kHugetlb}), 4194304 + 1073741824);
  EXPECT_EQ(counters.memory().Bytes(kPrivateKinds), 12288);
}

TEST_F(CgroupCountersTest, ControllersMayBeMissing) {
  machine_.tree().Remove(absl::StrCat("sys/fs/cgroup", kPath, "/memory.numa_stat"));
  machine_.tree().Remove(absl::StrCat("sys/fs/cgroup", kPath, "/cpuset.mems.effective"));
  CgroupCounters counters = Open();
  EXPECT_FALSE(counters.counts_memory());
  EXPECT_TRUE(counters.Refresh().value());
  EXPECT_TRUE(counters.allowed_nodes().empty());
  EXPECT_THAT(counters.memory().nodes, IsEmpty());
}

TEST_F(CgroupCountersTest, KnowsOfCgroupsBelow) {
  CgroupCounters counters = Open();
  EXPECT_FALSE(counters.HasChildren().value());
  machine_.AddCgroup(absl::StrCat(kPath, "/below"));
  EXPECT_TRUE(counters.HasChildren().value());
  machine_.RemoveCgroup(absl::StrCat(kPath, "/below"));
  EXPECT_FALSE(counters.HasChildren().value());
}

TEST_F(CgroupCountersTest, ReadsEachTreeOfVersion1) {
  machine_.UseCgroupV1();
  machine_.AddCgroup(kPath, {10, 20});
  machine_.tree().Remove(absl::StrCat("sys/fs/cgroup/cpuset", kPath));
  Write("memory.numa_stat", "anon=9 N0=9\nhierarchical_anon=2 N0=2 N1=0\n");
  Write("hugetlb.2MB.numa_stat", "total=0 N0=0\nhierarchical_total=2097152 N0=2097152\n");
  CgroupCounters counters = Open();
  EXPECT_TRUE(counters.Refresh().value());
  EXPECT_EQ(counters.memory().BytesOn({NodeId{0}}, {MemoryKind::kAnon}), 2 * kFakePage);
  EXPECT_EQ(counters.memory().BytesOn({NodeId{0}}, {MemoryKind::kHugetlb}), 2 << 20);
  EXPECT_THAT(counters.thread_ids(), ElementsAre(10, 11, 20));
  EXPECT_EQ(counters.process_count(), 2);
  EXPECT_FALSE(counters.HasChildren().value());
  EXPECT_FALSE(counters.Refresh().value());
  EXPECT_TRUE(counters.allowed_nodes().empty());
  // The cgroup is created in the second tree.
  Write("cpuset.effective_mems", "1\n");
  EXPECT_TRUE(counters.Refresh().value());
  EXPECT_EQ(counters.allowed_nodes().ToString(), "1");
}

// On cgroup v1 the kernel builds the list when the file is opened, and returns the same list again.
TEST_F(CgroupCountersTest, OnVersion1ListsAreOpenedAgain) {
  machine_.UseCgroupV1();
  machine_.AddCgroup(kPath, {10, 20});
  CgroupCounters counters = Open();
  EXPECT_TRUE(counters.Refresh().value());
  machine_.tree().Write(absl::StrCat("sys/fs/cgroup/memory", kPath, "/tasks"), "20\n");
  EXPECT_TRUE(counters.Refresh().value());
  EXPECT_THAT(counters.thread_ids(), ElementsAre(20));
  machine_.RemoveCgroup(kPath);
  EXPECT_TRUE(absl::IsNotFound(counters.Refresh().status()));
}

TEST_F(CgroupCountersTest, NonsenseIsAnError) {
  Write("memory.numa_stat", "anon N0=many\n");
  EXPECT_FALSE(Open().Refresh().ok());
}

TEST_F(CgroupCountersTest, ACgroupThatIsGoneIsNotFound) {
  CgroupCounters counters = Open();
  machine_.RemoveCgroup(kPath);
  EXPECT_TRUE(absl::IsNotFound(CgroupCounters::Open(machine_.host(), kPath).status()));
  EXPECT_TRUE(absl::IsNotFound(counters.Refresh().status()));
}

// As in cgroupfs, an open file outlives its cgroup.
TEST(KeptFileTest, WhatItDescribesMayBeGone) {
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  KeptFile file(ScopedFd(open(absl::StrCat("/proc/", child, "/stat").c_str(), O_RDONLY)), "stat",
                FileShape::kOneRecord);
  EXPECT_TRUE(file.Refresh().value());
  EXPECT_NE(file.text(), "");
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(absl::IsNotFound(file.Refresh().status()));
}

}  // namespace
}  // namespace numalocality::cgroup_counters_test
