#include "agent/engine/workload/placement_reader.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "agent/os/node/topology_reader.h"
#include "tests/unit/fake/fake_machine.h"

namespace numalocality::placement_reader_test {
namespace {

constexpr uint64_t kBase = 0x10000000;
constexpr NodeId kNode0{0};
constexpr NodeId kNode1{1};

class PlacementReaderTest : public ::testing::Test {
 protected:
  PlacementReaderTest() : topology_(TopologyReader(machine_.host()).Read().value()) {}

  Workload Cgroup(const std::string& path) {
    return finder_.Find({{}, {}, path, {}}).value().front();
  }
  Workload Process(pid_t pid) { return finder_.Find({{}, {}, {}, pid}).value().front(); }

  absl::StatusOr<WorkloadPlacement> Read(const Workload& workload,
                                         PlacementView view = PlacementView::kBasic) {
    return PlacementReader(machine_.kernel(), machine_.host(), machine_.clock())
        .Read(workload, topology_, view, [this] { return cancelled_; });
  }

  FakeMachine machine_;
  bool cancelled_ = false;
  const Topology topology_;
  const WorkloadFinder finder_{machine_.host()};
};

TEST_F(PlacementReaderTest, ReadsTheCgroupsCounters) {
  machine_.AddProcess(10, "4-5");
  machine_.AddProcess(11, "6")->threads[12] = CpuSet::Parse("7").value();
  machine_.tree().MakeDirectory("proc/11/task/12");
  machine_.AddCgroup("/pod", {10, 11});
  machine_.WriteCgroupFile("/pod", "memory.numa_stat",
                           "anon N0=300 N1=500\nfile N0=5000 N1=100\nshmem N0=100 N1=100\n");
  machine_.WriteCgroupFile("/pod", "hugetlb.2MB.numa_stat", "total=64 N0=64 N1=0\n");
  machine_.WriteCgroupFile("/pod", "cpuset.mems.effective", "1\n");
  const auto placement = Read(Cgroup("/pod"));
  ASSERT_TRUE(placement.ok()) << placement.status();
  EXPECT_EQ(placement->source, PlacementSource::kNumaStat);
  EXPECT_EQ(placement->memory.nodes.at(kNode0)[MemoryKind::kAnon], 300);
  EXPECT_EQ(placement->memory.nodes.at(kNode0)[MemoryKind::kFile], 4900);
  EXPECT_EQ(placement->memory.nodes.at(kNode0)[MemoryKind::kHugetlb], 64);
  EXPECT_EQ(placement->cpus.ToString(), "4-7");
  EXPECT_EQ(placement->home_nodes, NodeSet{kNode1});
  EXPECT_EQ(placement->allowed_nodes, NodeSet{kNode1});
  EXPECT_EQ(placement->process_count, 2);
  EXPECT_EQ(placement->thread_count, 3);
  EXPECT_DOUBLE_EQ(*placement->LocalFraction(), 0.6);
  EXPECT_EQ(placement->read_time, machine_.clock().Now());
}

TEST_F(PlacementReaderTest, APlacementNeedsNoPidFdAndOneAffinityCallAThread) {
  for (pid_t pid = 10; pid < 30; ++pid) machine_.AddProcess(pid);
  std::vector<pid_t> pids;
  for (pid_t pid = 10; pid < 30; ++pid) pids.push_back(pid);
  machine_.AddCgroup("/pod", pids);
  ASSERT_TRUE(Read(Cgroup("/pod")).ok());
  EXPECT_EQ(machine_.kernel().CallCount(FakeCall::kThreadCpus), 20);
  EXPECT_EQ(machine_.kernel().CallCount(), 20);
}

TEST_F(PlacementReaderTest, HiddenPagesBelongToNoNode) {
  const auto process = machine_.AddProcess(10, "4-5");
  process->AddPages(kBase, 30, 0);
  process->At(kBase).hidden = true;
  machine_.Publish(*process);
  const auto placement = Read(Process(10));
  ASSERT_TRUE(placement.ok()) << placement.status();
  EXPECT_EQ(placement->memory.Bytes(kAllKinds), 29 * static_cast<int64_t>(kFakePage));
  EXPECT_EQ(placement->unlocated_bytes, static_cast<int64_t>(kFakePage));
}

TEST_F(PlacementReaderTest, PagesAreCountedExactly) {
  const auto process = machine_.AddProcess(10, "4-5");
  process->AddPages(kBase, 30, 0);
  process->AddPages(2 * kBase, 50, 1, "/dev/shm/x");
  process->AddPages(3 * kBase, 7, 1, "/usr/lib/libc.so.6");
  for (auto& [address, folio] : process->pages) folio->file = address >= 2 * kBase;
  machine_.Publish(*process);
  machine_.AddCgroup("/pod", {10});
  const auto placement = Read(Cgroup("/pod"), PlacementView::kPages);
  ASSERT_TRUE(placement.ok()) << placement.status();
  EXPECT_EQ(placement->source, PlacementSource::kPageScan);
  EXPECT_EQ(placement->memory.nodes.at(kNode0)[MemoryKind::kAnon], 30 * 4096);
  EXPECT_EQ(placement->memory.nodes.at(kNode1)[MemoryKind::kShmem], 50 * 4096);
  EXPECT_EQ(placement->memory.nodes.at(kNode1)[MemoryKind::kFile], 7 * 4096);
}

TEST_F(PlacementReaderTest, AProcessIsReadByPages) {
  const auto process = machine_.AddProcess(10);
  process->AddPages(kBase, 30, 0);
  process->allowed_nodes = {kNode0};
  machine_.Publish(*process);
  const auto placement = Read(Process(10));
  ASSERT_TRUE(placement.ok()) << placement.status();
  EXPECT_EQ(placement->source, PlacementSource::kPageScan);
  EXPECT_EQ(placement->memory.Bytes(kAllKinds), 30 * 4096);
  EXPECT_EQ(placement->allowed_nodes, NodeSet{kNode0});
  EXPECT_DOUBLE_EQ(*placement->LocalFraction(), 1.0);
}

TEST_F(PlacementReaderTest, AGoneWorkloadIsNotFound) {
  machine_.AddProcess(10);
  const Workload process = Process(10);
  machine_.AddCgroup("/pod", {10});
  const Workload cgroup = Cgroup("/pod");
  machine_.Replace(10);
  EXPECT_TRUE(absl::IsNotFound(Read(process).status()));
  machine_.RecreateCgroup("/pod");
  EXPECT_TRUE(absl::IsNotFound(Read(cgroup).status()));
}

TEST_F(PlacementReaderTest, AStrangersMemoryIsNeverReported) {
  machine_.AddProcess(10)->AddPages(kBase, 30, 0);
  const Workload workload = Process(10);
  // Between the listing of its threads and the opening of its memory.
  machine_.kernel().RunAt(2, [&] {
    const auto stranger = machine_.Replace(10);
    stranger->AddPages(kBase, 1000, 1);
    machine_.Publish(*stranger);
  });
  EXPECT_TRUE(absl::IsNotFound(Read(workload).status()));
}

TEST_F(PlacementReaderTest, ProcessesThatExitAreCountedAndNoError) {
  machine_.AddProcess(10);
  machine_.AddCgroup("/pod", {10, 11, 12, 0});
  const auto placement = Read(Cgroup("/pod"));
  ASSERT_TRUE(placement.ok()) << placement.status();
  EXPECT_EQ(placement->process_count, 1);
  EXPECT_EQ(placement->vanished_process_count, 2);
  EXPECT_EQ(placement->hidden_process_count, 1);
  EXPECT_FALSE(placement->incomplete);
}

TEST_F(PlacementReaderTest, AnEmptyCgroupHasItsCpusetsCpus) {
  machine_.AddCgroup("/pod");
  machine_.WriteCgroupFile("/pod", "cpuset.cpus.effective", "4-7\n");
  const auto placement = Read(Cgroup("/pod"));
  ASSERT_TRUE(placement.ok());
  EXPECT_EQ(placement->home_nodes, NodeSet{kNode1});
  EXPECT_EQ(placement->process_count, 0);
}

TEST_F(PlacementReaderTest, MissingControllersAreMadeUpFor) {
  const auto process = machine_.AddProcess(10);
  process->AddPages(kBase, 30, 1);
  machine_.Publish(*process);
  machine_.AddCgroup("/plain", {10});
  for (const char* file : {"cpuset.cpus.effective", "cpuset.mems.effective", "memory.numa_stat"}) {
    machine_.tree().Remove(std::string("sys/fs/cgroup/plain/") + file);
  }
  const auto placement = Read(Cgroup("/plain"));
  ASSERT_TRUE(placement.ok()) << placement.status();
  EXPECT_EQ(placement->source, PlacementSource::kPageScan);
  EXPECT_EQ(placement->memory.BytesOn({kNode1}, kAllKinds), 30 * 4096);
  EXPECT_EQ(placement->allowed_nodes, topology_.MemoryNodes());
}

TEST_F(PlacementReaderTest, AProcessThatIsCalledPauseMakesNoSandbox) {
  const auto pause = machine_.AddProcess(10);
  pause->command = "pause";
  machine_.Publish(*pause);
  machine_.AddProcess(11);
  machine_.AddCgroup("/pause", {10});
  machine_.AddCgroup("/both", {10, 11});
  Workload workload = Cgroup("/pause");
  EXPECT_FALSE(Read(workload)->IsSandbox());
  workload.role = ContainerRole::kSandbox;
  EXPECT_TRUE(Read(workload)->IsSandbox());
  Workload both = Cgroup("/both");
  both.role = ContainerRole::kSandbox;
  EXPECT_FALSE(Read(both)->IsSandbox()) << "gVisor runs the whole pod in it";
}

TEST_F(PlacementReaderTest, GivesUpWhenItsCallerHasGone) {
  machine_.AddProcess(10);
  machine_.AddCgroup("/pod", {10});
  cancelled_ = true;
  EXPECT_TRUE(absl::IsCancelled(Read(Cgroup("/pod"), PlacementView::kPages).status()));
}

// Ten processes whose mappings take 3 s each.
TEST_F(PlacementReaderTest, TheMappingsOfAllProcessesHaveOneBudget) {
  std::vector<pid_t> pids;
  for (pid_t pid = 10; pid < 20; ++pid) {
    const auto process = machine_.AddProcess(pid);
    process->AddPages(kBase, 1, 0);
    for (uint64_t i = 1; i < 100; ++i) process->AddHole(kBase + i * 2 * kFakePage, 1);
    machine_.Publish(*process);
    pids.push_back(pid);
  }
  machine_.AddCgroup("/pod", pids);
  machine_.kernel().set_has_mapping_query(true);
  machine_.kernel().set_time_per_mapping(absl::Milliseconds(30));
  const absl::Status status = Read(Cgroup("/pod"), PlacementView::kPages).status();
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_LT(machine_.clock().Monotonic(), kRequestLimits.time + absl::Seconds(4));
}

TEST_F(PlacementReaderTest, TheTimeOfTheScansDoesNotCount) {
  std::vector<pid_t> pids = {10, 11, 12};
  for (const pid_t pid : pids) {
    machine_.AddProcess(pid)->AddPages(kBase, 10, 0);
    machine_.Publish(*machine_.kernel().Find(pid));
  }
  machine_.AddCgroup("/pod", pids);
  machine_.kernel().set_time_per_query(absl::Minutes(1));
  const auto placement = Read(Cgroup("/pod"), PlacementView::kPages);
  ASSERT_TRUE(placement.ok()) << placement.status();
  EXPECT_GE(machine_.clock().Monotonic(), absl::Minutes(3));
}

TEST_F(PlacementReaderTest, RefusedReadsAreNotHidden) {
  machine_.AddProcess(10);
  machine_.AddCgroup("/pod", {10});
  machine_.kernel().FailAll(FakeCall::kThreadCpus, EPERM);
  EXPECT_TRUE(absl::IsPermissionDenied(Read(Cgroup("/pod")).status()));
}

TEST_F(PlacementReaderTest, RefusedQueriesAreNotHidden) {
  const auto process = machine_.AddProcess(10);
  process->AddPages(kBase, 1, 0);
  machine_.Publish(*process);
  machine_.AddCgroup("/pod", {10});
  machine_.kernel().FailAll(FakeCall::kQuery, EPERM);
  EXPECT_TRUE(absl::IsPermissionDenied(Read(Cgroup("/pod"), PlacementView::kPages).status()));
  machine_.WriteCgroupFile("/pod", "memory.numa_stat", "rubbish\nanon x\n");
  EXPECT_FALSE(Read(Cgroup("/pod")).ok());
}

}  // namespace
}  // namespace numalocality::placement_reader_test
