// A workload that cannot be read: the loop goes on with all others, and says which one it is.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <functional>
#include <string>

#include "tests/unit/engine/repair/policy_loop_fixture.h"
#include "tests/unit/fake/gate.h"

namespace numalocality::slow_workload_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SlowWorkloadTest : public PolicyLoopTest {
 protected:
  SlowWorkloadTest() {
    policy().action = PolicyAction::kObserve;
    AddContainer('a', 10, "0-3");
    AddContainer('b', 20, "0-3");
    // Processes of different homes: their pages are sampled.
    machine_.Publish(*machine_.AddProcess(21, "4-7"));
    machine_.AddCgroup(Path('b'), {20, 21});
    AddContainer('c', 30, "0-3");
  }
  ~SlowWorkloadTest() override { go_on_.Open(); }

  // The next read of pages, or another call, does not return until go_on_ opens.
  void BlockNextSample() { BlockNext(FakeCall::kQuery); }
  void BlockNext(FakeCall kind) {
    machine_.kernel().RunAt(kind, machine_.kernel().CallCount(kind) + 1, [this] {
      is_blocked_.Open();
      go_on_.Wait();
    });
  }

  // Another placement of `container`, as its counters show it.
  void SetMemory(char container, int64_t on0, int64_t on1) {
    machine_.WriteCgroupFile(Path(container), "memory.numa_stat",
                             absl::StrFormat("anon N0=%d N1=%d\nfile N0=0 N1=0\nshmem N0=0 N1=0\n",
                                             on0 * kPage, on1 * kPage));
  }

  void PassTime(absl::Duration duration) {
    machine_.clock().Advance(duration);
    loop_.Wake();
  }

  std::shared_ptr<const WorkloadReport> ReportOn(char container) const {
    const auto report = board_.Latest();  // kept: the loop's thread may publish the next one
    for (const auto& workload : report->workloads) {
      if (workload->placement.workload.cgroup_path == Path(container)) return workload;
    }
    return nullptr;
  }
  bool Is(char container, const std::string& reason) const {
    const auto report = ReportOn(container);
    return report != nullptr && report->decision.has_value() &&
           KeyOf(report->decision->reason) == reason;
  }
  int64_t BytesOn(char container, int node) const {
    return ReportOn(container)->placement.memory.BytesOn({NodeId{node}}, kPrivateKinds);
  }
  double LocalFraction(char container) const {
    return ReportOn(container)->placement.LocalFraction().value();
  }
  // Returns once a change of the report has made `condition` true.
  void WaitUntil(const std::function<bool()>& condition) const {
    int64_t next = ReportBoard::kFromStart;
    while (!condition()) next = board_.WaitForChanges(next, absl::Hours(1000)).next;
  }

  // Makes the file at `path` one whose reader waits for a writer.
  void MakePipe(const std::string& path) {
    machine_.tree().Remove(path);
    ASSERT_EQ(mkfifo(machine_.tree().Path(path).c_str(), 0600), 0);
  }
  // Returns once there is a reader, which reads until the result is dropped. Later ones find no
  // file.
  ScopedFd WaitForReader(const std::string& path) {
    ScopedFd writer(open(machine_.tree().Path(path).c_str(), O_WRONLY | O_CLOEXEC));
    machine_.tree().Remove(path);
    return writer;
  }

  Gate is_blocked_;
  Gate go_on_;
};

TEST_F(SlowWorkloadTest, AReadOfItsMemoryPressureIsAJob) {
  policy().action = PolicyAction::kRepair;
  SetMemory('c', 0, kPages);
  const std::string file = "sys/fs/cgroup" + Path('c') + "/memory.pressure";
  MakePipe(file);
  loop_.Start();
  const ScopedFd writer = WaitForReader(file);
  PassTime(kStalledAfter + absl::Seconds(1));
  ASSERT_THAT(loop_.StalledCalls(), SizeIs(1));
  EXPECT_EQ(loop_.StalledCalls()[0].call, "a read of its memory pressure");
  SetMemory('a', 600, 400);
  PassTime(configuration_->period);
  WaitUntil([&] { return ReportOn('a') != nullptr && BytesOn('a', 1) == 400 * kPage; });
}

TEST_F(SlowWorkloadTest, ASlowWalkIsNamed) {
  MakePipe("proc/zoneinfo");
  loop_.Start();
  const ScopedFd writer = WaitForReader("proc/zoneinfo");
  PassTime(kStalledAfter + absl::Seconds(1));
  const auto stalled = loop_.StalledCalls();
  ASSERT_THAT(stalled, SizeIs(1));
  EXPECT_EQ(stalled[0].work, "search for containers");
  EXPECT_EQ(stalled[0].call, "a read of the cgroup tree");
}

TEST_F(SlowWorkloadTest, TheOthersAreReadInTime) {
  BlockNextSample();
  loop_.Start();
  is_blocked_.Wait();
  WaitUntil([&] { return Is('a', "local") && Is('c', "local"); });
  EXPECT_EQ(ReportOn('b'), nullptr);
  for (int64_t on1 = 100; on1 <= 500; on1 += 100) {
    SetMemory('a', kPages - on1, on1);
    const absl::Time before = machine_.clock().Now();
    PassTime(configuration_->period);
    WaitUntil([&] { return LocalFraction('a') < 1 - static_cast<double>(on1 - 1) / kPages; });
    EXPECT_GE(board_.Latest()->read_time, before) << "no period is missed";
  }
}

TEST_F(SlowWorkloadTest, ItIsNamedAndItsOldReportIsMarkedUntilItIsReadAgain) {
  loop_.Start();
  WaitUntil([&] { return Is('a', "local") && Is('b', "local") && Is('c', "local"); });
  EXPECT_THAT(loop_.StalledCalls(), IsEmpty());
  BlockNextSample();
  for (const char other : {'a', 'c'}) SetMemory(other, kPages / 2, 0);
  SetMemory('b', kPages / 2, kPages / 2);
  PassTime(configuration_->period);
  is_blocked_.Wait();
  // The others have been read: the time that passes is not theirs.
  for (const char other : {'a', 'c'}) WaitUntil([&] { return BytesOn(other, 0) < kPages * kPage; });
  PassTime(kStalledAfter + absl::Seconds(1));
  WaitUntil([&] { return Is('b', "unread"); });
  EXPECT_THAT(ReportOn('b')->decision->message,
              HasSubstr("a read of the pages of process 20 has not returned from the kernel"));
  EXPECT_EQ(KeyOf(ReportOn('b')->decision->verdict), "wait");
  EXPECT_EQ(BytesOn('b', 1), 0) << "the last known report";
  ASSERT_THAT(loop_.StalledCalls(), SizeIs(1));
  EXPECT_EQ(loop_.StalledCalls()[0].call, "a read of the pages of process 20");
  EXPECT_THAT(loop_.StalledCalls()[0].work, HasSubstr("prod/db-0/mysql"));
  EXPECT_TRUE(Is('a', "local"));

  go_on_.Open();
  int64_t next = ReportBoard::kFromStart;
  while (Is('b', "unread")) {
    PassTime(configuration_->period);
    next = board_.WaitForChanges(next, absl::Milliseconds(20)).next;
  }
  EXPECT_THAT(loop_.StalledCalls(), IsEmpty());
  EXPECT_EQ(BytesOn('b', 1), kPages / 2 * kPage);
}

TEST_F(SlowWorkloadTest, OneThatWasNeverReadIsListedWithTheReason) {
  BlockNextSample();
  loop_.Start();
  is_blocked_.Wait();
  PassTime(kStalledAfter + absl::Seconds(1));
  WaitUntil([&] { return Is('b', "unread"); });
  const auto report = ReportOn('b');
  EXPECT_EQ(report->placement.workload.names.pod, "db-0");
  EXPECT_EQ(report->description.names.pod, "db-0");
  EXPECT_FALSE(report->placement.IsSandbox());
  EXPECT_THAT(report->decision->message,
              AllOf(HasSubstr("it has not been read yet"),
                    HasSubstr("pages of process 20 has not returned from the kernel for 6s")));
  while (ReportOn('b')->decision->message == report->decision->message) {
    PassTime(configuration_->period);
    board_.WaitForChanges(ReportBoard::kFromStart, absl::Milliseconds(20));
  }
  EXPECT_EQ(ReportOn('b')->decision->since, report->decision->since);
  go_on_.Open();
  int64_t next = ReportBoard::kFromStart;
  while (Is('b', "unread")) next = board_.WaitForChanges(next, absl::Milliseconds(20)).next;
  EXPECT_EQ(ReportOn('b')->placement.memory.BytesOn({NodeId{0}}, kPrivateKinds), kPages * kPage);
}

TEST_F(SlowWorkloadTest, OneThatCannotBeReadIsListedWithTheReason) {
  machine_.kernel().FailAll(FakeCall::kThreadCpus, EIO);
  Tick();
  ASSERT_TRUE(Is('a', "unread"));
  EXPECT_THAT(ReportOn('a')->decision->message, HasSubstr("it has not been read yet: "));
}

// It is decided by what holds when it has been read, although nothing has changed in its report.
TEST_F(SlowWorkloadTest, ALateReadIsDecidedAnew) {
  policy().action = PolicyAction::kRepair;
  AddContainer('d', 40, "4-7");
  AddContainer('e', 50, "4-7");
  Reservations& reservations = migrator_.reservations();
  const auto reservation =
      reservations.Reserve({{Find('d'), Find('e')}, "", absl::Hours(24), "", "a scheduler"});
  ASSERT_TRUE(reservation.ok());
  machine_.WriteCgroupFile(Path('d'), "cpuset.cpus", "\n");
  loop_.Start();
  WaitUntil([&] {
    return Is('a', "local") && Is('b', "local") && Is('c', "local") && Is('d', "reserved") &&
           Is('e', "reserved");
  });
  BlockNext(FakeCall::kThreadCpus);
  machine_.WriteCgroupFile(Path('d'), "cpuset.cpus", "4-7\n");
  is_blocked_.Wait();
  ASSERT_TRUE(reservations.Release(reservation->token).ok());
  loop_.Wake();
  WaitUntil([&] { return Is('e', "migrating"); });
  EXPECT_TRUE(Is('d', "reserved")) << "its last report";
  go_on_.Open();
  WaitUntil([&] { return Is('d', "busy"); });
}

TEST_F(SlowWorkloadTest, TheLoopStopsMeanwhile) {
  BlockNextSample();
  loop_.Start();
  is_blocked_.Wait();
  EXPECT_THAT(loop_.Stop(absl::Milliseconds(1)),
              ElementsAre(HasSubstr("a read of the pages of process 20")));
}

}  // namespace
}  // namespace numalocality::slow_workload_test
