#include "agent/engine/report/explainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "absl/strings/str_format.h"
#include "agent/os/node/topology_reader.h"
#include "tests/unit/fake/fake_machine.h"

namespace numalocality::explainer_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr uint64_t kBase = 0x10000000;
constexpr NodeId kNode0{0};
constexpr NodeId kNode1{1};
constexpr auto kPage = static_cast<int64_t>(kFakePage);

// A cgroup whose processes run on node 1 (CPUs 4-7).
class ExplainerTest : public ::testing::Test {
 protected:
  ExplainerTest() {
    machine_.tree().Write("proc/sys/kernel/osrelease", "6.12.38-amd64\n");
    machine_.tree().Write("proc/sys/kernel/numa_balancing", "0\n");
  }

  // With `pages` on node 0.
  std::shared_ptr<FakeProcess> AddProcess(pid_t pid, int pages, const std::string& cpus = "4-7") {
    const auto process = machine_.AddProcess(pid, cpus);
    process->AddPages(kBase, pages, 0);
    pids_.push_back(pid);
    Publish(*process);
    return process;
  }

  void Publish(const FakeProcess& process) {
    machine_.Publish(process);
    machine_.tree().Write(absl::StrCat("proc/", process.pid, "/numa_maps"), "10000000 default\n");
  }

  // The cgroup, charged with so many pages.
  void AddCgroup(int64_t anon0, int64_t anon1, int64_t file0 = 0) {
    machine_.AddCgroup("/pod", pids_);
    machine_.WriteCgroupFile("/pod", "memory.numa_stat",
                             absl::StrFormat("anon N0=%d N1=%d\nfile N0=%d N1=0\nshmem N0=0 N1=0\n",
                                             anon0 * kPage, anon1 * kPage, file0 * kPage));
  }

  absl::StatusOr<PlacementExplanation> Explain(const WorkloadSelector& selector,
                                               bool complete = false) {
    const auto workloads = WorkloadFinder(machine_.host()).Find(selector);
    if (!workloads.ok()) return workloads.status();
    const auto topology = TopologyReader(machine_.host()).Read();
    return Explainer(machine_.context(), sources_)
        .Explain(workloads->front(), *topology, complete, [this] { return cancelled_; });
  }
  absl::StatusOr<PlacementExplanation> ExplainCgroup(bool complete = false) {
    return Explain({{}, {}, "/pod", {}}, complete);
  }

  static std::map<RemoteReason, int64_t> Pages(
      const absl::StatusOr<PlacementExplanation>& explanation) {
    EXPECT_TRUE(explanation.ok()) << explanation.status();
    std::map<RemoteReason, int64_t> pages;
    for (const RemotePart& part : explanation->parts) pages[part.reason] = part.bytes / kPage;
    return pages;
  }

  static std::string Circumstances(const absl::StatusOr<PlacementExplanation>& explanation) {
    std::string messages;
    for (const auto& circumstance : explanation->circumstances) messages += circumstance.message;
    return messages;
  }

  FakeMachine machine_;
  ExplanationSources sources_;
  std::vector<pid_t> pids_;
  bool cancelled_ = false;
};

TEST_F(ExplainerTest, FewPagesAreExplainedExactly) {
  const auto process = AddProcess(10, 1000);
  for (int i = 0; i < 300; ++i)
    process->At(kBase + static_cast<uint64_t>(i) * kFakePage).shared = true;
  Publish(*process);
  AddCgroup(1000, 50, 7);
  for (const bool complete : {false, true}) {
    const auto explanation = ExplainCgroup(complete);
    EXPECT_THAT(Pages(explanation),
                ElementsAre(Pair(RemoteReason::kRepairable, 700), Pair(RemoteReason::kShared, 300),
                            Pair(RemoteReason::kPageCache, 7)));
    EXPECT_EQ(explanation->sampled_pages, 1000);
    EXPECT_EQ(explanation->error_bound, 0);
    EXPECT_EQ(explanation->complete, complete);
    EXPECT_THAT(explanation->circumstances, IsEmpty());
    EXPECT_THAT(explanation->placement.processes, IsEmpty());
  }
}

TEST_F(ExplainerTest, TheTimeOfTheScansOfAllProcessesIsNotLimited) {
  for (const pid_t pid : {10, 11, 12}) AddProcess(pid, 10);
  AddCgroup(30, 0);
  machine_.kernel().set_time_per_query(absl::Minutes(1));
  EXPECT_THAT(Pages(ExplainCgroup(true)), ElementsAre(Pair(RemoteReason::kRepairable, 30)));
}

// Its mappings take 30 s to read: the counters show how much is remote, and a circumstance why the
// rest is not known.
TEST_F(ExplainerTest, AWorkloadThatIsTooLargeIsExplainedByItsCounters) {
  const auto process = AddProcess(10, 1000);
  for (uint64_t i = 1; i < 10; ++i) process->AddHole(kBase * 2 * i, 1);
  AddCgroup(1000, 50);
  machine_.kernel().set_has_mapping_query(true);
  machine_.kernel().set_time_per_mapping(absl::Seconds(3));
  for (const bool complete : {false, true}) {
    const auto explanation = ExplainCgroup(complete);
    EXPECT_THAT(Pages(explanation), ElementsAre(Pair(RemoteReason::kRepairable, 1000)));
    EXPECT_EQ(explanation->placement.state, PlacementState::kTooLarge);
    EXPECT_THAT(Circumstances(explanation), HasSubstr("too large to sample"));
    EXPECT_THAT(Circumstances(explanation), HasSubstr("process 10: read maps: takes longer than"));
  }
}

TEST_F(ExplainerTest, ManyPagesAreSampled) {
  const auto process = AddProcess(10, 40000);
  for (int i = 0; i < 10000; ++i)
    process->At(kBase + static_cast<uint64_t>(i) * kFakePage).shared = true;
  Publish(*process);
  AddCgroup(40000, 0);
  const auto explanation = ExplainCgroup();
  auto pages = Pages(explanation);
  EXPECT_NEAR(pages[RemoteReason::kShared], 10000, 40000 * explanation->error_bound);
  EXPECT_EQ(pages[RemoteReason::kShared] + pages[RemoteReason::kRepairable], 40000);
  EXPECT_EQ(explanation->sampled_pages, 4096);
  EXPECT_NEAR(explanation->error_bound, 0.0145, 0.0005);
}

TEST_F(ExplainerTest, ManyProcessesShareTheSample) {
  for (pid_t pid = 10; pid < 74; ++pid) AddProcess(pid, 3000);
  AddCgroup(64 * 3000, 0);
  const auto explanation = ExplainCgroup();
  ASSERT_TRUE(explanation.ok()) << explanation.status();
  EXPECT_EQ(explanation->sampled_pages, 65536);
  EXPECT_LT(explanation->error_bound, 0.01);
}

TEST_F(ExplainerTest, OfOneProcessThePagesAreAllThereIs) {
  const auto process = AddProcess(10, 40000);
  process->AddPages(2 * kBase, 20000, 1);
  Publish(*process);
  for (const bool complete : {false, true}) {
    const auto explanation = Explain({{}, {}, {}, 10}, complete);
    ASSERT_TRUE(explanation.ok()) << explanation.status();
    EXPECT_EQ(explanation->sampled_pages, complete ? 60000 : 4096);
    const int64_t remote = explanation->placement.memory.BytesOn({kNode0}, kPrivateKinds);
    ASSERT_EQ(explanation->parts.size(), 1u);
    EXPECT_EQ(explanation->parts[0].bytes, remote);
    EXPECT_NEAR(static_cast<double>(remote / kPage), 40000, complete ? 0 : 1000);
    EXPECT_EQ(explanation->placement.home_nodes, NodeSet{kNode1});
  }
}

TEST_F(ExplainerTest, EachProcessIsMeasuredByItsOwnHome) {
  AddProcess(10, 1000, "4-7");
  AddProcess(11, 1000, "0-3");
  AddCgroup(2000, 0);
  const auto explanation = ExplainCgroup();
  EXPECT_THAT(Pages(explanation), ElementsAre(Pair(RemoteReason::kRepairable, 1000)));
  ASSERT_EQ(explanation->placement.processes.size(), 2u);
  EXPECT_EQ(explanation->placement.processes[1].home_nodes, NodeSet{kNode0});
  EXPECT_DOUBLE_EQ(*explanation->placement.LocalFraction(), 0.5);
}

TEST_F(ExplainerTest, APolicyOfTheProcessIsSeen) {
  AddProcess(10, 1000);
  machine_.tree().Write("proc/10/numa_maps", "10000000 bind:0 anon=1000\n");
  AddCgroup(1000, 0);
  EXPECT_THAT(Pages(ExplainCgroup()), ElementsAre(Pair(RemoteReason::kMemoryPolicy, 1000)));
}

TEST_F(ExplainerTest, ACpusetThatForbidsTheHomeIsSeen) {
  const auto process = AddProcess(10, 1000);
  process->allowed_nodes = {kNode0};
  Publish(*process);
  AddCgroup(1000, 0);
  machine_.WriteCgroupFile("/pod", "cpuset.mems.effective", "0\n");
  sources_.assignment = [](const Workload&) { return KubeletAssignment{{}, {kNode0}}; };
  const auto explanation = ExplainCgroup();
  EXPECT_THAT(Pages(explanation), ElementsAre(Pair(RemoteReason::kCpusetForbids, 1000)));
  EXPECT_THAT(Circumstances(explanation), HasSubstr("cpuset.mems allows node 0"));
}

TEST_F(ExplainerTest, WhatDoesNotFitAboveTheReserveHasNoRoom) {
  AddProcess(10, 1000);
  AddCgroup(1000, 0);
  machine_.SetFreePages(1, 65536 / 50 + 400);  // 2 % are kept free
  const auto pages = Pages(ExplainCgroup());
  EXPECT_NEAR(pages.at(RemoteReason::kNoRoom), 600, 2);
  EXPECT_NEAR(pages.at(RemoteReason::kRepairable), 400, 2);
}

TEST_F(ExplainerTest, TheReserveIsTheCurrentOne) {
  AddProcess(10, 1000);
  AddCgroup(1000, 0);
  machine_.SetFreePages(1, 65536 / 10 + 400);
  sources_.limits = [] {
    HostLimits limits;
    limits.room.reserve.of_each = {.fraction = 0.10};
    return limits;
  };
  const auto pages = Pages(ExplainCgroup());
  EXPECT_NEAR(pages.at(RemoteReason::kNoRoom), 600, 2);
  EXPECT_NEAR(pages.at(RemoteReason::kRepairable), 400, 2);
}

TEST_F(ExplainerTest, WhatMigrationsLeftBehindIsAsked) {
  AddProcess(10, 1000);
  AddCgroup(1000, 0);
  sources_.stuck_bytes = [](const WorkloadPlacement&) { return 100 * kPage; };
  EXPECT_EQ(Pages(ExplainCgroup()).at(RemoteReason::kPinned), 100);
}

TEST_F(ExplainerTest, WhatCouldNotBeReadIsSaid) {
  AddProcess(10, 1000);
  AddCgroup(1000, 0);
  machine_.DenyPagemap(10);
  machine_.tree().Remove("proc/10/numa_maps");
  machine_.tree().Write("proc/sys/kernel/numa_balancing", "1\n");
  const auto explanation = ExplainCgroup();
  EXPECT_THAT(Pages(explanation), ElementsAre(Pair(RemoteReason::kRepairable, 1000)));
  EXPECT_THAT(Circumstances(explanation), HasSubstr("memory policies, which pages several"));
  EXPECT_THAT(Circumstances(explanation), HasSubstr("balancing is on"));
}

TEST_F(ExplainerTest, ProcessesThatExitAreLeftOut) {
  AddProcess(10, 1000);
  AddProcess(11, 1000);
  AddCgroup(2000, 0);
  machine_.kernel().RunAt(FakeCall::kQuery, 2, [&] { machine_.Exit(10); });
  const auto explanation = ExplainCgroup();
  ASSERT_TRUE(explanation.ok()) << explanation.status();
  EXPECT_EQ(explanation->sampled_pages, 1000);
  EXPECT_TRUE(absl::IsNotFound(Explain({{}, {}, {}, 10}).status()));
}

TEST_F(ExplainerTest, GivesUpWhenTheCallerHasGone) {
  AddProcess(10, 1000);
  AddCgroup(1000, 0);
  cancelled_ = true;
  EXPECT_TRUE(absl::IsCancelled(ExplainCgroup(true).status()));
}

}  // namespace
}  // namespace numalocality::explainer_test
