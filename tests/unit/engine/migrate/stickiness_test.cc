#include "agent/engine/migrate/stickiness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "agent/base/units.h"
#include "agent/os/node/topology_reader.h"
#include "tests/unit/fake/fake_runtime.h"

namespace numalocality::stickiness_test {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Lets things happen when the run looks around.
class Observer final : public MigrationObserver {
 public:
  MigrationReason StopReason() override {
    ++asked;
    if (on_ask) on_ask();
    return reason;
  }
  void OnBatch(int, pid_t, int64_t) override {}
  void OnBatchEnd(int) override {}
  void OnProgress(const WorkloadMigration& result) override { state = result.state; }

  int asked = 0;
  std::function<void()> on_ask;
  MigrationReason reason = MigrationReason::kNone;
  MigrationState state = MigrationState::kPending;
};

// A container whose memory may be on node 0 only, and whose CPUs are on node 1.
class StickinessTest : public ::testing::Test {
 protected:
  static constexpr char kPod[] = "/kubepods/pod01234567-cccc-dddd-eeee-ffff00001111/";

  StickinessTest() {
    machine_.AddCgroup(cgroup_);
    machine_.WriteCgroupFile(cgroup_, "cpuset.cpus.effective", "4-7\n");
    runtime_.Write("0");
    machine_.tree().Write("proc/sys/kernel/osrelease", "6.12.0\n");
    workload_.cgroup_path = cgroup_;
    workload_.cgroup_id = *InodeOf(OpenDirectory(machine_.host().cgroup + cgroup_)->get());
    workload_.container = ContainerRef{"01234567-cccc-dddd-eeee-ffff00001111", id_};
    request_.stick = StickMode::kCpusetMems;
  }

  absl::Status Check() { return CheckSticky(machine_.context(), &runtime_, workload_, request_); }

  // A migration that ends in `state`; `meanwhile` runs during it.
  WorkloadMigration Run(
      MigrationState state, const std::function<void()>& meanwhile = [] {}) {
    return MoveAndStick(machine_.context(), runtime_, workload_, request_, observer_, [&] {
      ++runs_;
      meanwhile();
      WorkloadMigration result;
      result.workload = workload_;
      result.state = state;
      result.outcomes.Add(PageOutcome::kPinned, left_pages_);
      return result;
    });
  }

  // A process of the container that has mapped `path`, with pages on node 0.
  void AddMapping(const std::string& path, int pages) {
    const auto process = machine_.AddProcess(10, "4-7", cgroup_);
    process->AddPages(0x10000000, pages, 0, path);
    for (auto& [address, folio] : process->pages) folio->file = true;
    machine_.Publish(*process);
    machine_.WriteCgroupFile(cgroup_, "cgroup.procs", "10\n");
  }

  const std::string id_ = std::string(64, 'a');
  const std::string cgroup_ = kPod + id_;
  FakeMachine machine_;
  FakeRuntime runtime_{machine_, cgroup_};
  Workload workload_;
  MigrationRequest request_;
  Observer observer_;
  int runs_ = 0;
  int64_t left_pages_ = 0;  // elsewhere after the run
};

TEST_F(StickinessTest, WidensMovesAndNarrows) {
  EXPECT_TRUE(Check().ok()) << Check();
  EXPECT_THAT(runtime_.writes, IsEmpty()) << "a check writes nothing";
  const auto result =
      Run(MigrationState::kSucceeded, [&] { EXPECT_THAT(runtime_.writes, ElementsAre("0-1")); });
  EXPECT_THAT(runtime_.writes, ElementsAre("0-1", "1"));
  EXPECT_THAT(runtime_.container_ids, Each(id_));
  EXPECT_EQ(result.state, MigrationState::kSucceeded);
  EXPECT_EQ(result.reason, MigrationReason::kNone);
  EXPECT_THAT(result.stick_note,
              HasSubstr("cpuset.mems allows node 1 now; before the migration it allowed node 0"));
  EXPECT_EQ(observer_.state, MigrationState::kVerifying);
  EXPECT_GE(machine_.clock().slept(), absl::Seconds(10)) << "kubelet's period";
}

TEST_F(StickinessTest, WhatIsWideEnoughIsNotWidened) {
  runtime_.Write("0-1");
  Run(MigrationState::kSucceeded);
  EXPECT_THAT(runtime_.writes, ElementsAre("1"));
}

TEST_F(StickinessTest, AFailedMoveIsNotMadeToStick) {
  for (const auto state :
       {MigrationState::kPartial, MigrationState::kFailed, MigrationState::kCancelled}) {
    runtime_.writes.clear();
    const auto result = Run(state);
    EXPECT_THAT(runtime_.writes, ElementsAre("0-1", "0"));
    EXPECT_EQ(result.state, state);
    EXPECT_THAT(result.stick_note, HasSubstr("has its previous value"));
  }
}

// The kernel brings what is left, and does not ask about a reserve.
TEST_F(StickinessTest, WhatIsLeftMustHaveRoom) {
  const Topology topology = TopologyReader(machine_.host()).Read().value();
  left_pages_ = topology.nodes.at(NodeId{1}).free_bytes / topology.page_bytes;
  const WorkloadMigration result = Run(MigrationState::kSucceeded);
  EXPECT_EQ(result.state, MigrationState::kPartial);
  EXPECT_EQ(result.reason, MigrationReason::kNotSticky);
  EXPECT_THAT(result.message, HasSubstr("has no room"));
  EXPECT_THAT(runtime_.writes, ElementsAre("0-1", "0"));
  left_pages_ /= 2;
  EXPECT_EQ(Run(MigrationState::kSucceeded).state, MigrationState::kSucceeded);
}

TEST_F(StickinessTest, MappedFilesThatTheKernelMovesMustHaveRoom) {
  AddMapping("/usr/lib/db.so", 40000);
  machine_.SetFreePages(1, 30000);
  WorkloadMigration result = Run(MigrationState::kSucceeded);
  EXPECT_EQ(runs_, 0) << "before anything moves";
  EXPECT_THAT(runtime_.writes, IsEmpty());
  EXPECT_EQ(result.state, MigrationState::kFailed);
  EXPECT_EQ(result.reason, MigrationReason::kNotSticky);
  const std::string amount = FormatBytes(40000 * static_cast<int64_t>(kFakePage));
  EXPECT_THAT(result.message, HasSubstr("moves " + amount + " of mapped files there"));
  EXPECT_THAT(result.message, HasSubstr("above its reserve; to accept that, set force_stick"));

  request_.force_stick = true;
  result = Run(MigrationState::kSucceeded);
  EXPECT_EQ(result.state, MigrationState::kSucceeded);
  EXPECT_THAT(result.stick_note, HasSubstr("among them " + amount + " of mapped files"));
}

// Each process's scan counts them.
TEST_F(StickinessTest, FilesThatManyProcessesMapCountOnce) {
  constexpr int kPages = 1000;
  std::string pids;
  for (pid_t pid = 10; pid < 50; ++pid) {
    const auto process = machine_.AddProcess(pid, "4-7", cgroup_);
    process->AddPages(0x10000000, kPages, 0, "/usr/lib/db.so");
    for (auto& [address, folio] : process->pages) folio->file = true;
    machine_.Publish(*process);
    absl::StrAppend(&pids, pid, "\n");
  }
  machine_.WriteCgroupFile(cgroup_, "cgroup.procs", pids);
  machine_.SetFreePages(1, 30000);
  EXPECT_THAT(Run(MigrationState::kSucceeded).message, HasSubstr("moves"));
  machine_.SetMappedPages(0, kPages);
  const WorkloadMigration result = Run(MigrationState::kSucceeded);
  EXPECT_EQ(result.state, MigrationState::kSucceeded) << result.message;
  EXPECT_THAT(result.stick_note,
              HasSubstr(FormatBytes(kPages * static_cast<int64_t>(kFakePage)) + " of mapped"));
}

TEST_F(StickinessTest, TheLookAtMappedFilesEndsWithTheMigration) {
  AddMapping("/usr/lib/db.so", 100);
  observer_.reason = MigrationReason::kDeadline;
  WorkloadMigration result = Run(MigrationState::kSucceeded);
  EXPECT_EQ(result.state, MigrationState::kFailed);
  EXPECT_EQ(result.reason, MigrationReason::kDeadline);
  observer_.reason = MigrationReason::kCancelled;
  result = Run(MigrationState::kSucceeded);
  EXPECT_EQ(result.state, MigrationState::kCancelled);
  EXPECT_EQ(result.reason, MigrationReason::kCancelled);
  EXPECT_EQ(runs_, 0);
  EXPECT_THAT(runtime_.writes, IsEmpty());
}

TEST_F(StickinessTest, MappedFilesThatHaveRoomAreNamed) {
  AddMapping("/usr/lib/db.so", 100);
  const WorkloadMigration result = Run(MigrationState::kSucceeded);
  EXPECT_EQ(result.state, MigrationState::kSucceeded);
  EXPECT_THAT(result.stick_note, HasSubstr("of mapped files"));
}

// The move took the room that they had before.
TEST_F(StickinessTest, MappedFilesMustHaveRoomAfterTheMoveToo) {
  AddMapping("/usr/lib/db.so", 10000);
  const WorkloadMigration result =
      Run(MigrationState::kSucceeded, [&] { machine_.SetFreePages(1, 5000); });
  EXPECT_EQ(result.state, MigrationState::kPartial);
  EXPECT_THAT(result.message, HasSubstr("has no room"));
  EXPECT_THAT(runtime_.writes, ElementsAre("0-1", "0"));
}

TEST_F(StickinessTest, NoHugetlbPoolIsTakenUnlessForced) {
  AddMapping("/anon_hugepage (deleted)", 512);
  WorkloadMigration result = Run(MigrationState::kSucceeded);
  EXPECT_EQ(runs_, 0);
  EXPECT_EQ(result.reason, MigrationReason::kNotSticky);
  EXPECT_THAT(result.message, HasSubstr("of hugetlb pages there"));
  EXPECT_THAT(result.message, HasSubstr("takes hugetlb pages from the pool"));
  request_.force_stick = true;
  EXPECT_EQ(Run(MigrationState::kSucceeded).state, MigrationState::kSucceeded);
}

TEST_F(StickinessTest, WhatTheRequestMovesOrWhatIsOnTheTargetDoesNotCount) {
  AddMapping("/usr/lib/db.so", 40000);
  machine_.SetFreePages(1, 30000);
  request_.spec.kinds = kAllKinds;
  EXPECT_EQ(Run(MigrationState::kSucceeded).state, MigrationState::kSucceeded);
  request_.spec.kinds = kPrivateKinds;
  runtime_.Write("1");
  EXPECT_EQ(Run(MigrationState::kSucceeded).state, MigrationState::kSucceeded);
}

TEST_F(StickinessTest, APlanNamesWhatTheKernelWillMove) {
  AddMapping("/anon_hugepage (deleted)", 512);
  for (const bool is_forced : {false, true}) {
    request_.force_stick = is_forced;
    WorkloadMigration plan;
    PlanStick(
        machine_.context(), workload_, request_, [] { return false; }, plan);
    EXPECT_THAT(plan.stick_note, HasSubstr("cpuset.mems will allow node 1 instead of node 0"));
    EXPECT_THAT(plan.stick_note, HasSubstr("of hugetlb pages"));
    EXPECT_EQ(plan.reason, is_forced ? MigrationReason::kNone : MigrationReason::kNotSticky);
  }
  EXPECT_THAT(runtime_.writes, IsEmpty());
}

TEST_F(StickinessTest, NodesThatTheRequestLeavesAloneStayAllowed) {
  runtime_.Write("0-1");
  request_.spec.target_nodes = {NodeId{1}};
  request_.spec.source_nodes = {NodeId{5}};
  Run(MigrationState::kSucceeded);
  EXPECT_THAT(runtime_.writes, ElementsAre("0-1"));
}

TEST_F(StickinessTest, OfANodeMapTheTargets) {
  runtime_.Write("0");
  request_.spec.node_map = {{NodeId{0}, NodeId{1}}};
  Run(MigrationState::kSucceeded);
  EXPECT_THAT(runtime_.writes, ElementsAre("0-1", "1"));
}

TEST_F(StickinessTest, OneForeignWriteIsPutBack) {
  observer_.on_ask = [&] {
    if (observer_.asked == 3) runtime_.Write("0");
  };
  const auto result = Run(MigrationState::kSucceeded);
  EXPECT_EQ(result.state, MigrationState::kSucceeded);
  EXPECT_THAT(runtime_.writes, ElementsAre("0-1", "1", "1"));
  EXPECT_THAT(result.stick_note, HasSubstr("the agent set it again"));
}

TEST_F(StickinessTest, TwoForeignWritesHaveTheirWay) {
  observer_.on_ask = [&] {
    if (observer_.asked == 3 || observer_.asked == 6) runtime_.Write("0");
  };
  const auto result = Run(MigrationState::kSucceeded);
  EXPECT_EQ(result.state, MigrationState::kPartial);
  EXPECT_EQ(result.reason, MigrationReason::kNotSticky);
  EXPECT_THAT(result.message, HasSubstr("another program has written cpuset.mems twice"));
  EXPECT_THAT(runtime_.writes, ElementsAre("0-1", "1", "1"));
}

TEST_F(StickinessTest, CancelEndsTheWatch) {
  const auto result =
      Run(MigrationState::kSucceeded, [&] { observer_.reason = MigrationReason::kCancelled; });
  EXPECT_EQ(result.state, MigrationState::kSucceeded);
  EXPECT_LT(machine_.clock().slept(), absl::Seconds(1));
}

TEST_F(StickinessTest, NothingIsMovedIfTheRuntimeRefuses) {
  runtime_.status = absl::UnavailableError("no runtime");
  const auto result = Run(MigrationState::kSucceeded);
  EXPECT_EQ(runs_, 0);
  EXPECT_EQ(result.state, MigrationState::kFailed);
  EXPECT_EQ(result.reason, MigrationReason::kNotSticky);
  EXPECT_EQ(result.message, "no runtime");
}

TEST_F(StickinessTest, ACheckSaysWhyNot) {
  const auto words = [&](const absl::Status& status) { return std::string(status.message()); };
  const absl::Status no_runtime = CheckSticky(machine_.context(), nullptr, workload_, request_);
  EXPECT_TRUE(absl::IsFailedPrecondition(no_runtime));
  EXPECT_THAT(words(no_runtime), HasSubstr("--cri-socket"));

  machine_.tree().Write("proc/sys/kernel/osrelease", "6.1.0\n");
  EXPECT_TRUE(absl::IsFailedPrecondition(Check()));
  EXPECT_THAT(words(Check()), HasSubstr("6.7"));
  request_.stick_on_old_kernels = true;
  EXPECT_TRUE(Check().ok()) << Check();

  request_.spec.ranges = {{4096, 8192}};
  EXPECT_TRUE(absl::IsInvalidArgument(Check()));
  request_.spec.ranges = MigrationSpec().ranges;

  workload_.process = ProcessId{10, 1};
  EXPECT_TRUE(absl::IsFailedPrecondition(Check()));
  workload_.process.reset();
  workload_.container.reset();
  EXPECT_TRUE(absl::IsFailedPrecondition(Check()));
  EXPECT_THAT(words(Check()), HasSubstr("stick is possible only for containers of pods"));

  request_.stick = StickMode::kNone;
  EXPECT_TRUE(CheckSticky(machine_.context(), nullptr, workload_, request_).ok());
}

}  // namespace
}  // namespace numalocality::stickiness_test
