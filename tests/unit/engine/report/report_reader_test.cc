#include "agent/engine/report/report_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/os/node/topology_reader.h"
#include "tests/unit/fake/fake_machine.h"

namespace numalocality::report_reader_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

using Report = std::shared_ptr<const WorkloadReport>;

constexpr uint64_t kHeap = 0x10000000;
constexpr auto kPage = static_cast<int64_t>(kFakePage);

// Containers of one pod, and reports of them.
class ReportReaderTest : public ::testing::Test {
 protected:
  ReportReaderTest() { machine_.SetHugePages(false); }

  static std::string Path(char container) {
    return "/kubepods/pod01234567-cccc-dddd-eeee-ffff00001111/" + std::string(64, container);
  }

  // A container of processes with `pages` on node 0 each, one on each of `cpus`; the first is
  // process `pid`.
  void AddContainer(char container, pid_t pid, const std::vector<std::string>& cpus,
                    int pages = 100) {
    std::vector<pid_t> pids;
    for (const std::string& each : cpus) {
      const auto process = machine_.AddProcess(pid, each);
      process->AddPages(kHeap, pages, 0);
      machine_.Publish(*process);
      pids.push_back(pid++);
    }
    machine_.AddCgroup(Path(container), pids);
    SetMemory(Path(container), static_cast<int64_t>(pids.size()) * pages, 0);
  }
  void SetMemory(const std::string& path, int64_t on0, int64_t on1) {
    machine_.WriteCgroupFile(path, "memory.numa_stat",
                             absl::StrFormat("anon N0=%d N1=%d\nfile N0=0 N1=0\nshmem N0=0 N1=0\n",
                                             on0 * kPage, on1 * kPage));
  }
  void Pin(pid_t pid, const std::string& cpus) {
    machine_.kernel().Find(pid)->threads[pid] = CpuSet::Parse(cpus).value();
  }

  void Find(const std::vector<std::string>& extra = {}) {
    const auto directories = reader_.FindWorkloads(extra);
    EXPECT_TRUE(directories.ok()) << directories.status();
  }
  // All reports after one more reading.
  std::vector<Report> Read(bool resample = false) {
    const Topology topology = TopologyReader(machine_.host()).Read().value();
    std::vector<Report> reports;
    for (const auto& kept : reader_.Below("/")) {
      const auto report = reader_.Read(*kept, topology, resample, JobWatch());
      EXPECT_TRUE(report.ok()) << report.status();
      reports.push_back(report.ok() ? *report : nullptr);
    }
    return reports;
  }
  Report ReadOne() {
    const auto reports = Read();
    EXPECT_EQ(reports.size(), 1u);
    return reports.empty() ? std::make_shared<WorkloadReport>() : reports[0];
  }

  FakeMachine machine_;
  ReportReader reader_{machine_.context()};
};

TEST_F(ReportReaderTest, ReportsWhereMemoryAndHomeAre) {
  AddContainer('a', 10, {"4-7"});
  SetMemory(Path('a'), 70, 30);
  Find();
  const WorkloadPlacement placement = ReadOne()->placement;
  EXPECT_EQ(placement.workload.cgroup_path, Path('a'));
  EXPECT_EQ(placement.memory.BytesOn({NodeId{0}}, kPrivateKinds), 70 * kPage);
  EXPECT_EQ(placement.home_nodes, NodeSet{NodeId{1}});
  EXPECT_EQ(placement.allowed_nodes.ToString(), "0-1");
  EXPECT_DOUBLE_EQ(placement.LocalFraction().value(), 0.3);
  EXPECT_EQ(placement.process_count, 1);
  EXPECT_EQ(placement.thread_count, 1);
  EXPECT_THAT(placement.processes, IsEmpty());
  EXPECT_EQ(machine_.kernel().CallCount(FakeCall::kQuery), 0) << "no pages are read";
}

TEST_F(ReportReaderTest, WhatHasNotChangedIsTheSameReport) {
  AddContainer('a', 10, {"4-7"});
  AddContainer('b', 20, {"0-3", "4-7"});
  Find();
  const auto first = Read();
  ASSERT_EQ(first.size(), 2u);
  machine_.clock().Advance(absl::Seconds(30));
  EXPECT_EQ(Read(), first);
  Find();
  EXPECT_EQ(Read(), first) << "nor does a walk make it another";
  SetMemory(Path('a'), 60, 40);
  const auto second = Read();
  EXPECT_NE(second[0], first[0]);
  EXPECT_EQ(second[1], first[1]);
  EXPECT_DOUBLE_EQ(second[0]->placement.LocalFraction().value(), 0.4);
}

TEST_F(ReportReaderTest, AHomeIsAsOldAsItsLastChange) {
  AddContainer('a', 10, {"4-7"});
  Find();
  EXPECT_EQ(ReadOne()->home_since, -absl::InfiniteDuration()) << "it was there before the agent";
  machine_.clock().Advance(absl::Seconds(5));
  Pin(10, "0-3");
  const absl::Duration changed = machine_.clock().Monotonic();
  EXPECT_EQ(ReadOne()->home_since, changed);
  EXPECT_EQ(ReadOne()->placement.home_nodes, NodeSet{NodeId{0}});
  machine_.clock().Advance(absl::Seconds(5));
  SetMemory(Path('a'), 50, 50);
  EXPECT_EQ(ReadOne()->home_since, changed);
  Pin(10, "0-1");  // other CPUs, the same home
  EXPECT_EQ(ReadOne()->home_since, changed);
  EXPECT_EQ(ReadOne()->placement.cpus.ToString(), "0-1");
}

// Ranks that pin themselves apart: all of them together may run where they might before.
TEST_F(ReportReaderTest, ProcessesThatPartHaveChangedTheirHomes) {
  AddContainer('a', 10, {"0-7", "0-7"});
  Find();
  EXPECT_EQ(ReadOne()->home_since, -absl::InfiniteDuration());
  machine_.clock().Advance(absl::Seconds(5));
  Pin(10, "0-3");
  Pin(11, "4-7");
  EXPECT_EQ(ReadOne()->home_since, machine_.clock().Monotonic());
  machine_.clock().Advance(absl::Seconds(5));
  Pin(10, "0-7");
  Pin(11, "0-7");
  EXPECT_EQ(ReadOne()->home_since, machine_.clock().Monotonic());
}

TEST_F(ReportReaderTest, WithoutAMemoryControllerNoPagesAreScannedInstead) {
  AddContainer('a', 10, {"0-3"});
  machine_.tree().Remove("sys/fs/cgroup" + Path('a') + "/memory.numa_stat");
  Find();
  EXPECT_THAT(Read(), IsEmpty());
  EXPECT_EQ(machine_.kernel().CallCount(FakeCall::kQuery), 0);
}

TEST_F(ReportReaderTest, WhatComesLaterIsNew) {
  AddContainer('a', 10, {"4-7"});
  Find();
  Read();
  machine_.clock().Advance(absl::Seconds(5));
  AddContainer('b', 20, {"4-7"});
  Find();
  const auto reports = Read();
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[0]->home_since, -absl::InfiniteDuration());
  EXPECT_EQ(reports[1]->home_since, machine_.clock().Monotonic());
}

TEST_F(ReportReaderTest, WhatIsGoneIsDropped) {
  AddContainer('a', 10, {"4-7"});
  AddContainer('b', 20, {"4-7"});
  Find();
  Read();
  machine_.RemoveCgroup(Path('a'));
  Find();
  EXPECT_EQ(ReadOne()->placement.workload.cgroup_path, Path('b'));
  EXPECT_THAT(reader_.Paths(), ElementsAre(Path('b')));
}

TEST_F(ReportReaderTest, AnotherCgroupOfTheSameNameIsAnotherWorkload) {
  AddContainer('a', 10, {"4-7"});
  Find();
  const Report before = ReadOne();
  machine_.clock().Advance(absl::Seconds(5));
  machine_.RecreateCgroup(Path('a'), {10});
  Find();
  const Report after = ReadOne();
  EXPECT_NE(after->placement.workload.cgroup_id, before->placement.workload.cgroup_id);
  EXPECT_EQ(after->home_since, machine_.clock().Monotonic());
}

TEST_F(ReportReaderTest, KnowsWhatIsInOnePartOfTheTree) {
  AddContainer('a', 10, {"4-7"});
  AddContainer('b', 20, {"4-7"});
  Find();
  EXPECT_THAT(reader_.Below(Path('b')), SizeIs(1));
  EXPECT_EQ(reader_.Below(Path('b'))[0]->workload.cgroup_path, Path('b'));
  EXPECT_THAT(reader_.Below("/kubepods"), SizeIs(2));
  EXPECT_THAT(reader_.Below("/kube"), IsEmpty());
}

TEST_F(ReportReaderTest, WhatCouldNotBeReadIsNotTheSameNextTime) {
  AddContainer('a', 10, {"0-3", "4-7"});
  Find();
  const Report before = ReadOne();
  SetMemory(Path('a'), 0, 200);
  const Topology topology = TopologyReader(machine_.host()).Read().value();
  const auto kept = reader_.Below("/")[0];
  JobWatch cancelled;
  cancelled.is_cancelled = cancelled.is_stopping = [] { return true; };
  const auto unread = reader_.Read(*kept, topology, false, cancelled);
  EXPECT_TRUE(absl::IsCancelled(unread.status())) << unread.status();
  const Report again = ReadOne();
  EXPECT_NE(again, before);
  EXPECT_EQ(again->placement.state, PlacementState::kComplete);
  EXPECT_EQ(again->placement.memory.BytesOn({NodeId{1}}, kPrivateKinds), 200 * kPage);
}

TEST_F(ReportReaderTest, AJobThatIsOutOfTimeIsOneThatTookTooLong) {
  AddContainer('a', 10, {"0-3", "4-7"});
  Find();
  JobWatch watch;
  watch.is_cancelled = [] { return true; };
  const Topology topology = TopologyReader(machine_.host()).Read().value();
  const auto report = reader_.Read(*reader_.Below("/")[0], topology, false, watch);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ((*report)->placement.state, PlacementState::kTooLarge);
  EXPECT_THAT((*report)->placement.state_message,
              AllOf(HasSubstr("reading it takes longer than 2s"), Not(HasSubstr("cancelled"))));
  machine_.clock().Advance(absl::Seconds(10));
  EXPECT_EQ(ReadOne()->placement.state, PlacementState::kComplete);
}

TEST_F(ReportReaderTest, PlainCgroupsAreReadWhereTheyExist) {
  machine_.Publish(*machine_.AddProcess(30, "4-7"));
  machine_.AddCgroup("/system.slice/db.service", {30});
  SetMemory("/system.slice/db.service", 10, 10);
  Find({"/system.slice/db.service", "/system.slice/not.there"});
  const Report report = ReadOne();
  EXPECT_FALSE(report->placement.workload.container.has_value());
  EXPECT_DOUBLE_EQ(report->placement.LocalFraction().value(), 0.5);
}

TEST_F(ReportReaderTest, ThreadsInCgroupsBelowBelongToTheContainer) {
  AddContainer('a', 10, {"4-7"});
  machine_.Publish(*machine_.AddProcess(11, "0-3"));
  machine_.AddCgroup(Path('a') + "/below", {11});
  Find();
  EXPECT_EQ(ReadOne()->placement.home_nodes.ToString(), "0-1");
  EXPECT_EQ(ReadOne()->placement.process_count, 2);
}

TEST_F(ReportReaderTest, ProcessesOfDifferentHomesAreSampledOnce) {
  AddContainer('a', 10, {"0-3", "4-7"});
  Find();
  const WorkloadPlacement placement = ReadOne()->placement;
  ASSERT_EQ(placement.processes.size(), 2u);
  EXPECT_DOUBLE_EQ(placement.processes[0].LocalFraction().value(), 1);
  EXPECT_DOUBLE_EQ(placement.processes[1].LocalFraction().value(), 0);
  EXPECT_EQ(placement.processes[1].sampled_pages, 100);
  EXPECT_DOUBLE_EQ(placement.LocalFraction().value(), 0.5);
  const int queries = machine_.kernel().CallCount(FakeCall::kQuery);
  EXPECT_GT(queries, 0);
  for (int i = 0; i < 5; ++i) {
    machine_.clock().Advance(absl::Seconds(30));
    Read();
  }
  EXPECT_EQ(machine_.kernel().CallCount(FakeCall::kQuery), queries);
  SetMemory(Path('a'), 201, 0);  // memory breathes
  EXPECT_EQ(ReadOne()->placement.processes[1].sampled_pages, 100);
  EXPECT_EQ(machine_.kernel().CallCount(FakeCall::kQuery), queries);
}

TEST_F(ReportReaderTest, OneWhoseCpusChangeIsSampledAlone) {
  AddContainer('a', 10, {"0-3", "4-7", "4-7"});
  Find();
  Read();
  const int all = machine_.kernel().CallCount(FakeCall::kQuery);
  Pin(12, "0-3");
  EXPECT_DOUBLE_EQ(ReadOne()->placement.LocalFraction().value(), 2.0 / 3);
  EXPECT_EQ(machine_.kernel().CallCount(FakeCall::kQuery) - all, all / 3);
}

// memory.numa_stat shows nothing of it, and the CPUs of all together are the same.
TEST_F(ReportReaderTest, ProcessesThatSwapHomesAreNoticed) {
  AddContainer('a', 10, {"0-3", "4-7"});
  for (auto& [address, folio] : machine_.kernel().Find(11)->pages) folio->node = 1;
  SetMemory(Path('a'), 100, 100);
  Find();
  EXPECT_DOUBLE_EQ(ReadOne()->placement.LocalFraction().value(), 1);
  machine_.clock().Advance(absl::Seconds(5));
  Pin(10, "4-7");
  Pin(11, "0-3");
  const Report swapped = ReadOne();
  EXPECT_DOUBLE_EQ(swapped->placement.LocalFraction().value(), 0);
  EXPECT_EQ(swapped->home_since, machine_.clock().Monotonic());
}

TEST_F(ReportReaderTest, AShiftOfMemoryIsSampled) {
  AddContainer('a', 10, {"0-3", "4-7"});
  Find();
  Read();
  for (auto& [address, folio] : machine_.kernel().Find(11)->pages) folio->node = 1;
  EXPECT_DOUBLE_EQ(ReadOne()->placement.LocalFraction().value(), 0.5) << "nobody knows";
  SetMemory(Path('a'), 100, 100);
  EXPECT_DOUBLE_EQ(ReadOne()->placement.LocalFraction().value(), 1);
  const int queries = machine_.kernel().CallCount(FakeCall::kQuery);
  Read();
  EXPECT_EQ(machine_.kernel().CallCount(FakeCall::kQuery), queries);
}

TEST_F(ReportReaderTest, ASampleIsTakenAgainOnRequest) {
  AddContainer('a', 10, {"0-3", "4-7"});
  Find();
  Read();
  for (auto& [address, folio] : machine_.kernel().Find(11)->pages) folio->node = 1;
  EXPECT_DOUBLE_EQ(Read(true)[0]->placement.LocalFraction().value(), 1);
}

// The maps of one container take seconds; the other's report does not wait for them again and
// again.
TEST_F(ReportReaderTest, AWorkloadThatIsTooLargeIsNamedAndHoldsUpNoOther) {
  AddContainer('a', 10, {"0-3", "4-7"});
  AddContainer('b', 20, {"4-7"});
  for (uint64_t i = 1; i < 100; ++i) machine_.kernel().Find(10)->AddHole(kHeap * 2 * i, 1);
  machine_.kernel().set_has_mapping_query(true);
  machine_.kernel().set_time_per_mapping(absl::Milliseconds(400));
  Find();
  const auto start = machine_.clock().Monotonic();
  const auto reports = Read();
  EXPECT_LT(machine_.clock().Monotonic() - start, absl::Seconds(2));
  ASSERT_EQ(reports.size(), 2u);
  const WorkloadPlacement& large = reports[0]->placement;
  EXPECT_EQ(large.state, PlacementState::kTooLarge);
  EXPECT_THAT(large.state_message, HasSubstr("process 10: read maps: takes longer than 1s"));
  EXPECT_EQ(large.memory.BytesOn({NodeId{0}}, kPrivateKinds), 200 * kPage);
  EXPECT_EQ(large.home_nodes.ToString(), "0-1");
  EXPECT_THAT(large.processes, IsEmpty());
  EXPECT_EQ(reports[1]->placement.state, PlacementState::kComplete);

  const int calls = machine_.kernel().CallCount(FakeCall::kQueryMapping);
  machine_.clock().Advance(absl::Seconds(9));
  EXPECT_EQ(Read(), reports) << "nothing has changed";
  SetMemory(Path('a'), 100, 100);
  EXPECT_EQ(Read()[0]->placement.memory.BytesOn({NodeId{0}}, kPrivateKinds), 100 * kPage);
  EXPECT_EQ(machine_.kernel().CallCount(FakeCall::kQueryMapping), calls);

  machine_.kernel().set_time_per_mapping(absl::ZeroDuration());
  machine_.clock().Advance(absl::Minutes(2));
  const Report again = Read()[0];
  EXPECT_EQ(again->placement.state, PlacementState::kComplete);
  EXPECT_THAT(again->placement.processes, SizeIs(2));
}

// A busy machine is enough for a slow read: the first attempt to read it again comes soon.
TEST_F(ReportReaderTest, WhatTookTooLongIsTriedAgainLessAndLessOften) {
  AddContainer('a', 10, {"0-3", "4-7"});
  for (uint64_t i = 1; i < 100; ++i) machine_.kernel().Find(10)->AddHole(kHeap * 2 * i, 1);
  machine_.kernel().set_has_mapping_query(true);
  Find();
  const auto fail = [&] {
    machine_.kernel().set_time_per_mapping(absl::Milliseconds(400));
    machine_.clock().Advance(absl::Minutes(10));
    return Read(true)[0]->placement.state_message;
  };
  const auto calls = [&] { return machine_.kernel().CallCount(FakeCall::kQueryMapping); };
  EXPECT_THAT(fail(), HasSubstr("takes longer than 1s, the limit; it is tried again in 10s"));
  for (const int seconds : {10, 20, 40, 80, 160, 300, 300}) {
    const int before = calls();
    machine_.clock().Advance(absl::Seconds(seconds - 1));
    Read();
    EXPECT_EQ(calls(), before) << seconds;
    machine_.clock().Advance(absl::Seconds(1));
    Read();
    EXPECT_GT(calls(), before) << seconds;
  }
  machine_.kernel().set_time_per_mapping(absl::ZeroDuration());
  machine_.clock().Advance(absl::Minutes(5));
  EXPECT_EQ(Read()[0]->placement.state, PlacementState::kComplete);
  EXPECT_THAT(fail(), HasSubstr("again in 10s")) << "a success begins anew";
}

// One call that took so long that the job was cancelled meanwhile.
TEST_F(ReportReaderTest, ACancelledReadIsOneThatTookTooLong) {
  AddContainer('a', 10, {"0-3", "4-7"});
  Find();
  JobWatch watch;
  const absl::Duration end = machine_.clock().Monotonic() + WorkloadJobs::kLongestJob;
  watch.is_cancelled = [&] { return machine_.clock().Monotonic() > end; };
  machine_.kernel().RunAt(FakeCall::kThreadCpus, 1,
                          [&] { machine_.clock().Advance(absl::Minutes(1)); });
  const Topology topology = TopologyReader(machine_.host()).Read().value();
  const auto report = reader_.Read(*reader_.Below("/")[0], topology, false, watch);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ((*report)->placement.state, PlacementState::kTooLarge);
  EXPECT_THAT((*report)->placement.state_message, HasSubstr("takes longer than 1s"));
  EXPECT_THAT((*report)->placement.state_message, Not(HasSubstr("cancelled")));
}

// The ids of so many threads, as the kernel lists them.
std::string ThreadIds(int count) {
  std::string ids;
  for (int i = 0; i < count; ++i) absl::StrAppend(&ids, 1'000'000 + i, "\n");
  return ids;
}

TEST_F(ReportReaderTest, AWorkloadWithTooManyThreadsIsNamed) {
  AddContainer('a', 10, {"4-7"});
  machine_.WriteCgroupFile(Path('a'), "cgroup.threads", ThreadIds(600'000));
  Find();
  const WorkloadPlacement placement = ReadOne()->placement;
  EXPECT_EQ(placement.state, PlacementState::kTooLarge);
  EXPECT_THAT(placement.state_message, HasSubstr("cgroup.threads"));
  EXPECT_EQ(machine_.kernel().CallCount(FakeCall::kThreadCpus), 0);
}

TEST_F(ReportReaderTest, AWorkloadWhoseThreadsTakeTooLongIsNamed) {
  AddContainer('a', 10, {"4-7"});
  machine_.WriteCgroupFile(Path('a'), "cgroup.threads", ThreadIds(100'000));
  for (int call = 1; call <= 2000; ++call) {
    machine_.kernel().RunAt(FakeCall::kThreadCpus, call,
                            [this] { machine_.clock().Advance(absl::Milliseconds(1)); });
  }
  Find();
  const WorkloadPlacement placement = ReadOne()->placement;
  EXPECT_EQ(placement.state, PlacementState::kTooLarge);
  EXPECT_THAT(placement.state_message,
              HasSubstr("read the CPUs of its threads: takes longer than 1s, the limit"));
  EXPECT_LE(machine_.kernel().CallCount(FakeCall::kThreadCpus), 1002);
}

TEST_F(ReportReaderTest, ProcessesThatComeToShareAHomeAreCountedTogether) {
  AddContainer('a', 10, {"0-3", "4-7"});
  Find();
  Read();
  Pin(11, "0-3");
  const Report report = ReadOne();
  EXPECT_THAT(report->placement.processes, IsEmpty());
  EXPECT_DOUBLE_EQ(report->placement.LocalFraction().value(), 1);
}

TEST_F(ReportReaderTest, OnCgroupV1ItReportsTheSame) {
  machine_.UseCgroupV1();
  AddContainer('a', 10, {"4-7"});
  machine_.WriteCgroupFile(Path('a'), "memory.numa_stat", "hierarchical_anon=100 N0=70 N1=30\n");
  Find();
  const WorkloadPlacement placement = ReadOne()->placement;
  EXPECT_EQ(placement.workload.cgroup_path, Path('a'));
  EXPECT_EQ(placement.home_nodes, NodeSet{NodeId{1}});
  EXPECT_EQ(placement.allowed_nodes.ToString(), "0-1");
  EXPECT_DOUBLE_EQ(placement.LocalFraction().value(), 0.3);
  EXPECT_EQ(placement.thread_count, 1);
}

TEST_F(ReportReaderTest, WithoutCgroupsItSaysSo) {
  machine_.tree().Remove("sys/fs/cgroup/cgroup.controllers");
  EXPECT_TRUE(absl::IsFailedPrecondition(reader_.FindWorkloads({}).status()));
}

}  // namespace
}  // namespace numalocality::report_reader_test
