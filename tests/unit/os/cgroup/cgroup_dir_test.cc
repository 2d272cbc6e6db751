#include "agent/os/cgroup/cgroup_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/unit/fake/fake_machine.h"
#include "tests/unit/fake/peak_memory.h"

namespace numalocality::cgroup_dir_test {
namespace {

using ::testing::ElementsAre;

class CgroupDirTest : public ::testing::Test {
 protected:
  CgroupDir Open(const std::string& path) {
    auto cgroup = CgroupDir::Open(machine_.host(), path);
    EXPECT_TRUE(cgroup.ok()) << cgroup.status();
    return *std::move(cgroup);
  }

  FakeMachine machine_;
};

TEST_F(CgroupDirTest, PathsThatAreNoneAreRefused) {
  machine_.AddCgroup("/a/b");
  for (const char* path :
       {"", "a", "a/b", "/a/../b", "/..", "/a/..", "/a//b", "//", "/a/", "/./a", "/a/."}) {
    EXPECT_EQ(CgroupDir::Open(machine_.host(), path).status().code(),
              absl::StatusCode::kInvalidArgument)
        << path;
  }
  EXPECT_TRUE(absl::IsNotFound(CgroupDir::Open(machine_.host(), "/none").status()));
}

TEST_F(CgroupDirTest, SumsWhatIsBelow) {
  machine_.AddCgroup("/pod/leaf/init.scope", {30, 10});
  machine_.AddCgroup("/pod/leaf/docker/inner", {20, 10});
  machine_.AddCgroup("/pod/leaf", {});
  const auto processes = Open("/pod/leaf").ReadProcesses();
  ASSERT_TRUE(processes.ok()) << processes.status();
  EXPECT_THAT(processes->pids, ElementsAre(10, 20, 30));
  EXPECT_EQ(processes->hidden_count, 0);
}

TEST_F(CgroupDirTest, ATreeBeyondTheBudgetIsNotReadToItsEnd) {
  for (int i = 0; i < 100; ++i) machine_.AddCgroup("/pod/leaf/" + std::to_string(i), {i + 1});
  ReadBudget large(kPeriodicLimits, machine_.clock());
  EXPECT_EQ(Open("/pod").ReadProcesses(large)->pids.size(), 100u);
  ReadBudget small({2000, absl::Seconds(1)}, machine_.clock());
  const absl::Status status = Open("/pod").ReadProcesses(small).status();
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(status.message(), ::testing::HasSubstr("2.0 KiB"));
}

// Below a path that is nearly as long as the kernel allows.
TEST_F(CgroupDirTest, TenThousandCgroupsAreReadInLittleMemory) {
  machine_.AddCgroup("/pod");
  std::string path = "/pod";
  for (int i = 0; i < 14; ++i) path += "/" + std::string(250, 'd');
  for (int i = 0; i < 10'000; ++i) {
    const std::string child = machine_.host().cgroup + path + "/" + std::to_string(i);
    std::filesystem::create_directories(child);
    std::ofstream(child + "/cgroup.procs") << (i % 100 == 0 ? std::to_string(i + 1) + "\n" : "");
  }
  for (std::string above = path; above != "/pod"; above.resize(above.rfind('/'))) {
    std::ofstream(machine_.host().cgroup + above + "/cgroup.procs") << "";
  }
  const CgroupDir cgroup = Open("/pod");
  ReadBudget budget(kPeriodicLimits, machine_.clock());
  absl::StatusOr<CgroupProcesses> processes;
  const int64_t peak = PeakBytesOf([&] { processes = cgroup.ReadProcesses(budget); });
  ASSERT_TRUE(processes.ok()) << processes.status();
  EXPECT_EQ(processes->pids.size(), 100u);
  EXPECT_LT(peak, 8 << 20);
  EXPECT_LT(budget.taken_bytes(), 4 << 20);
}

TEST_F(CgroupDirTest, CountsWhatAnotherPidNamespaceHides) {
  machine_.AddCgroup("/pod", {0, 7, 0});
  machine_.AddCgroup("/pod/below", {0});
  const auto processes = Open("/pod").ReadProcesses();
  EXPECT_THAT(processes->pids, ElementsAre(7));
  EXPECT_EQ(processes->hidden_count, 3);
}

TEST_F(CgroupDirTest, RemovedCgroupsAreNotFound) {
  machine_.AddCgroup("/pod", {7});
  const CgroupDir cgroup = Open("/pod");
  machine_.RemoveCgroup("/pod");
  EXPECT_TRUE(absl::IsNotFound(cgroup.ReadProcesses().status()));
  EXPECT_TRUE(absl::IsNotFound(cgroup.ReadMemory().status()));
  EXPECT_TRUE(absl::IsNotFound(cgroup.ReadEffectiveCpus().status()));
  EXPECT_TRUE(absl::IsNotFound(cgroup.ReadEffectiveNodes().status()));
}

TEST_F(CgroupDirTest, ANewCgroupOfTheSameNameHasAnotherId) {
  machine_.AddCgroup("/pod", {7});
  const CgroupDir cgroup = Open("/pod");
  machine_.RecreateCgroup("/pod", {8});
  EXPECT_NE(Open("/pod").id(), cgroup.id());
}

TEST_F(CgroupDirTest, ReadsCpusetAndMemory) {
  machine_.AddCgroup("/pod");
  machine_.WriteCgroupFile("/pod", "cpuset.cpus.effective", "0-1,4\n");
  machine_.WriteCgroupFile("/pod", "cpuset.mems.effective", "1\n");
  machine_.WriteCgroupFile("/pod", "memory.numa_stat", "anon N0=4096 N1=8192\n");
  machine_.WriteCgroupFile("/pod", "hugetlb.2MB.numa_stat", "total=2097152 N0=2097152 N1=0\n");
  machine_.WriteCgroupFile("/pod", "hugetlb.1GB.numa_stat",
                           "total=1073741824 N0=0 N1=1073741824\n");
  machine_.WriteCgroupFile("/pod", "hugetlb.2MB.current", "2097152\n");
  const CgroupDir cgroup = Open("/pod");
  EXPECT_EQ(cgroup.ReadEffectiveCpus()->ToString(), "0-1,4");
  EXPECT_EQ(cgroup.ReadEffectiveNodes()->ToString(), "1");
  const MemoryByNode memory = cgroup.ReadMemory().value();
  EXPECT_EQ(memory.nodes.at(NodeId{0})[MemoryKind::kAnon], 4096);
  EXPECT_EQ(memory.nodes.at(NodeId{0})[MemoryKind::kHugetlb], 2 << 20);
  EXPECT_EQ(memory.nodes.at(NodeId{1})[MemoryKind::kHugetlb], 1 << 30);
}

TEST_F(CgroupDirTest, ReadsEachTreeOfVersion1) {
  machine_.UseCgroupV1();
  machine_.AddCgroup("/pod/below", {20});
  machine_.AddCgroup("/pod", {10});
  machine_.WriteCgroupFile("/pod", "cpuset.effective_cpus", "0-1,4\n");
  machine_.WriteCgroupFile("/pod", "cpuset.effective_mems", "1\n");
  machine_.WriteCgroupFile("/pod", "cpuset.mems", "0-1\n");
  machine_.WriteCgroupFile("/pod", "memory.numa_stat",
                           "anon=9 N0=9\nhierarchical_anon=2 N0=2 N1=0\n");
  machine_.WriteCgroupFile("/pod", "hugetlb.2MB.numa_stat",
                           "total=0 N0=0 N1=0\nhierarchical_total=2097152 N0=2097152 N1=0\n");
  const CgroupDir cgroup = Open("/pod");
  EXPECT_EQ(cgroup.ReadEffectiveCpus()->ToString(), "0-1,4");
  EXPECT_EQ(cgroup.ReadEffectiveNodes()->ToString(), "1");
  EXPECT_EQ(cgroup.ReadNodes()->ToString(), "0-1");
  EXPECT_EQ(cgroup.ReadMemory()->BytesOn({NodeId{0}}, {MemoryKind::kAnon}), 2 * kFakePage);
  EXPECT_EQ(cgroup.ReadMemory()->BytesOn({NodeId{0}}, {MemoryKind::kHugetlb}), 2 << 20);
  EXPECT_THAT(cgroup.ReadProcesses()->pids, ElementsAre(10, 20));
  ReadBudget budget;
  EXPECT_THAT(cgroup.ListChildren(budget).value(), ElementsAre("below"));
  EXPECT_TRUE(cgroup.Contains(10).value());
}

TEST_F(CgroupDirTest, OnVersion1ACgroupMayBeMissingInSomeTrees) {
  machine_.UseCgroupV1();
  machine_.AddCgroup("/service", {10});
  machine_.tree().Remove("sys/fs/cgroup/cpuset/service");
  machine_.tree().Remove("sys/fs/cgroup/hugetlb");
  const CgroupDir cgroup = Open("/service");
  EXPECT_TRUE(absl::IsNotFound(cgroup.ReadEffectiveCpus().status()));
  EXPECT_TRUE(absl::IsNotFound(cgroup.ReadEffectiveNodes().status()));
  EXPECT_TRUE(absl::IsNotFound(cgroup.CpusetDirectory().status()));
  EXPECT_TRUE(cgroup.ReadMemory().ok());
  EXPECT_THAT(cgroup.ReadProcesses()->pids, ElementsAre(10));
  machine_.tree().Remove("sys/fs/cgroup/memory/service");
  EXPECT_TRUE(absl::IsNotFound(CgroupDir::Open(machine_.host(), "/service").status()));
}

TEST_F(CgroupDirTest, ListsTheCgroupsBelow) {
  machine_.AddCgroup("/pod/b");
  machine_.AddCgroup("/pod/a/deep");
  ReadBudget budget;
  EXPECT_THAT(Open("/pod").ListChildren(budget).value(), ElementsAre("a", "b"));
  EXPECT_THAT(Open("/").ListChildren(budget).value(), ElementsAre("pod"));
}

TEST_F(CgroupDirTest, GarbledFilesAreErrors) {
  machine_.AddCgroup("/pod");
  machine_.WriteCgroupFile("/pod", "cgroup.procs", "rubbish\n");
  machine_.WriteCgroupFile("/pod", "memory.numa_stat", "anon rubbish\n");
  EXPECT_FALSE(Open("/pod").ReadProcesses().ok());
  EXPECT_FALSE(Open("/pod").ReadMemory().ok());
}

}  // namespace
}  // namespace numalocality::cgroup_dir_test
