#include "agent/model/explanation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "agent/model/page_span.h"

namespace numalocality::explanation_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr int64_t kMiB = 1 << 20;
constexpr NodeId kNode0{0};
constexpr NodeId kNode1{1};
constexpr NodeId kCxl{2};
constexpr MemoryKind kAnon = MemoryKind::kAnon;

// A machine of two nodes with CPUs and one without; a container whose CPUs are on node 1.
class ExplanationTest : public ::testing::Test {
 protected:
  ExplanationTest() {
    facts_.topology.nodes[kNode0] = {{CpuId{0}}, true, 1 << 30, 1 << 30, 0, {}};
    facts_.topology.nodes[kNode1] = {{CpuId{1}}, true, 1 << 30, 1 << 30, 0, {}};
    facts_.topology.nodes[kCxl] = {{}, true, 1 << 30, 1 << 30, 0, {}};
    facts_.placement.workload.container = ContainerRef{"uid", std::string(64, 'a')};
    facts_.placement.home_nodes = {kNode1};
    facts_.placement.allowed_nodes = {kNode0, kNode1, kCxl};
    facts_.space[kNode1] = {1000 * kMiB, "node 1 has much"};
  }

  ProcessFacts& AddProcess() {
    ProcessFacts process;
    process.id.pid = static_cast<pid_t>(10 + facts_.processes.size());
    process.home_nodes = facts_.placement.home_nodes;
    process.allowed_nodes = facts_.placement.allowed_nodes;
    process.sampled_pages = process.resident_pages = 100;
    return facts_.processes.emplace_back(process);
  }

  std::map<RemoteReason, int64_t> PartsInMiB() {
    std::map<RemoteReason, int64_t> parts;
    for (const RemotePart& part : Explain(facts_).parts) {
      parts[part.reason] = part.bytes / kMiB;
      EXPECT_FALSE(part.advice.empty());
    }
    return parts;
  }

  std::string Detail() { return Explain(facts_).parts.at(0).detail; }

  ExplanationFacts facts_;
};

TEST_F(ExplanationTest, WhatIsAtHomeNeedsNoReason) {
  facts_.placement.memory.Add(kNode1, kAnon, 100 * kMiB);
  AddProcess().pages[{kNode1, kAnon, PageSharing::kNone}] = 100;
  EXPECT_THAT(Explain(facts_).parts, IsEmpty());
}

TEST_F(ExplanationTest, CountersGiveTheAmountAndPagesTheReason) {
  facts_.placement.memory.Add(kNode0, kAnon, 200 * kMiB);
  facts_.placement.memory.Add(kNode1, kAnon, 77 * kMiB);
  facts_.placement.memory.Add(kNode0, MemoryKind::kFile, 5 * kMiB);
  facts_.placement.memory.Add(kNode0, MemoryKind::kHugetlb, 6 * kMiB);
  ProcessFacts& process = AddProcess();
  process.pages[{kNode0, kAnon, PageSharing::kNone}] = 60;
  process.pages[{kNode0, kAnon, PageSharing::kOwned}] = 20;
  const auto explanation = Explain(facts_);
  ASSERT_EQ(explanation.parts.size(), 4u);
  EXPECT_EQ(explanation.parts[0].reason, RemoteReason::kRepairable) << "the largest first";
  EXPECT_EQ(explanation.parts[0].bytes, 150 * kMiB);
  EXPECT_EQ(explanation.parts[0].detail, "150.0 MiB on node 0");
  EXPECT_THAT(explanation.parts[0].advice, HasSubstr("migrate --container aaaaaaaaaaaa'"));
  EXPECT_EQ(explanation.parts[1].reason, RemoteReason::kShared);
  EXPECT_EQ(explanation.parts[1].bytes, 50 * kMiB);
  EXPECT_THAT(explanation.parts[1].advice, HasSubstr("--shared owned"));
  EXPECT_THAT(PartsInMiB(),
              ElementsAre(Pair(RemoteReason::kRepairable, 150), Pair(RemoteReason::kShared, 50),
                          Pair(RemoteReason::kPageCache, 5), Pair(RemoteReason::kHugetlb, 6)));
}

TEST_F(ExplanationTest, PartsAddUpWhateverIsRounded) {
  facts_.placement.memory.Add(kNode0, kAnon, 1000003);
  for (int i = 0; i < 7; ++i) {
    ProcessFacts& process = AddProcess();
    process.resident_pages = 1001 + i;
    process.pages[{kNode0, kAnon, PageSharing::kNone}] = 13 + i;
    process.pages[{kNode0, kAnon, PageSharing::kForeign}] = 7;
    process.pages[{kHiddenNode, kAnon, PageSharing::kUnknown}] = 3;
  }
  int64_t sum = 0;
  for (const RemotePart& part : Explain(facts_).parts) sum += part.bytes;
  EXPECT_EQ(sum, 1000003);
}

TEST_F(ExplanationTest, EachProcessHasItsOwnHome) {
  facts_.placement.home_nodes = {kNode0, kNode1};
  facts_.placement.memory.Add(kNode0, kAnon, 100 * kMiB);
  facts_.placement.memory.Add(kNode1, kAnon, 100 * kMiB);
  for (const NodeId home : {kNode0, kNode1}) {
    ProcessFacts& process = AddProcess();
    process.home_nodes = {home};
    process.pages[{kNode0, kAnon, PageSharing::kNone}] = home == kNode0 ? 50 : 30;
    process.pages[{kNode1, kAnon, PageSharing::kNone}] = home == kNode0 ? 20 : 80;
  }
  facts_.space[kNode0] = facts_.space[kNode1];
  // 30 of 80 pages on node 0 are the second one's, 20 of 100 on node 1 the first one's.
  EXPECT_THAT(PartsInMiB(), ElementsAre(Pair(RemoteReason::kRepairable, 37 + 20)));
}

TEST_F(ExplanationTest, WhatWasWantedSoComesBeforeWhatIsInTheWay) {
  facts_.placement.memory.Add(kNode0, kAnon, 100 * kMiB);
  facts_.placement.memory.Add(kCxl, kAnon, 50 * kMiB);
  ProcessFacts& process = AddProcess();
  process.pages[{kNode0, kAnon, PageSharing::kForeign}] = 10;
  process.pages[{kCxl, kAnon, PageSharing::kForeign}] = 5;
  process.policy_nodes = {kNode0};
  EXPECT_THAT(PartsInMiB(), ElementsAre(Pair(RemoteReason::kMemoryPolicy, 100),
                                        Pair(RemoteReason::kMemoryOnlyNode, 50)));
  EXPECT_EQ(Detail(), "100.0 MiB on node 0; process 10 asks for node 0");
  facts_.processes[0].allowed_nodes = {kNode0, kCxl};
  EXPECT_THAT(PartsInMiB(), ElementsAre(Pair(RemoteReason::kCpusetForbids, 150)));
  EXPECT_THAT(Detail(), HasSubstr("its home node is 1, but cpuset.mems allows only node 0,2"));
}

TEST_F(ExplanationTest, WhatDoesNotFitHasNoRoom) {
  facts_.placement.memory.Add(kNode0, kAnon, 100 * kMiB);
  AddProcess().pages[{kNode0, kAnon, PageSharing::kNone}] = 100;
  facts_.space[kNode1].bytes = 30 * kMiB;
  EXPECT_THAT(PartsInMiB(),
              ElementsAre(Pair(RemoteReason::kRepairable, 30), Pair(RemoteReason::kNoRoom, 70)));
  EXPECT_THAT(Detail(), HasSubstr("node 1 has much"));
}

TEST_F(ExplanationTest, WhatCouldNotBeMovedBeforeIsNotRepairable) {
  facts_.placement.memory.Add(kNode0, kAnon, 100 * kMiB);
  AddProcess().pages[{kNode0, kAnon, PageSharing::kNone}] = 100;
  facts_.stuck_bytes = 40 * kMiB;
  EXPECT_THAT(PartsInMiB(),
              ElementsAre(Pair(RemoteReason::kRepairable, 60), Pair(RemoteReason::kPinned, 40)));
  facts_.stuck_bytes = 400 * kMiB;
  EXPECT_THAT(PartsInMiB(), ElementsAre(Pair(RemoteReason::kPinned, 100)));
}

TEST_F(ExplanationTest, SharedMemoryThatNoProcessMapsIsLikePageCache) {
  facts_.placement.memory.Add(kNode0, MemoryKind::kShmem, 10 * kMiB);
  facts_.placement.memory.Add(kNode1, MemoryKind::kShmem, 10 * kMiB);
  AddProcess();
  EXPECT_THAT(PartsInMiB(), ElementsAre(Pair(RemoteReason::kPageCache, 10)));
  EXPECT_THAT(Detail(),
              HasSubstr("10.0 MiB of shared memory and tmpfs files that no process maps"));
}

TEST_F(ExplanationTest, OfWhatTheKernelHidesItsPartOfTheRemoteBytesIsUnlocated) {
  facts_.placement.memory.Add(kNode0, kAnon, 100 * kMiB);
  facts_.placement.memory.Add(kNode1, kAnon, 100 * kMiB);
  ProcessFacts& process = AddProcess();
  process.pages[{kNode0, kAnon, PageSharing::kNone}] = 30;
  process.pages[{kNode1, kAnon, PageSharing::kUnknown}] = 45;
  process.pages[{kHiddenNode, kAnon, PageSharing::kUnknown}] = 25;
  EXPECT_THAT(PartsInMiB(),
              ElementsAre(Pair(RemoteReason::kRepairable, 75), Pair(RemoteReason::kUnlocated, 25)));
  // A scan knows how much there is, and counts it on no node.
  facts_.placement.source = PlacementSource::kPageScan;
  facts_.placement.unlocated_bytes = 44 * kMiB;
  EXPECT_THAT(PartsInMiB(), ElementsAre(Pair(RemoteReason::kRepairable, 100),
                                        Pair(RemoteReason::kUnlocated, 44)));
}

TEST_F(ExplanationTest, WithoutAHomeNothingIsRemote) {
  facts_.placement.home_nodes = {};
  facts_.placement.memory.Add(kNode0, kAnon, 100 * kMiB);
  facts_.placement.memory.Add(kNode0, MemoryKind::kFile, 100 * kMiB);
  AddProcess().pages[{kNode0, kAnon, PageSharing::kNone}] = 100;
  EXPECT_THAT(Explain(facts_).parts, IsEmpty());
}

TEST_F(ExplanationTest, TheErrorBoundIsThatOfASample) {
  ProcessFacts& process = AddProcess();
  process.sampled_pages = 4096;
  process.resident_pages = 1 << 30;
  EXPECT_NEAR(Explain(facts_).error_bound, 0.0153, 0.0001);
  EXPECT_EQ(Explain(facts_).sampled_pages, 4096);
  facts_.processes[0].resident_pages = 5000;
  EXPECT_NEAR(Explain(facts_).error_bound, 0.0153 * 0.4252, 0.0001);
  facts_.processes[0].resident_pages = 4096;
  EXPECT_EQ(Explain(facts_).error_bound, 0);
  facts_.processes[0].resident_pages = 1 << 30;
  facts_.complete = true;
  EXPECT_EQ(Explain(facts_).error_bound, 0);
}

TEST_F(ExplanationTest, SamplesOfSeveralProcessesCountByTheirSize) {
  for (const int64_t resident : {1 << 30, 1 << 10}) {
    ProcessFacts& process = AddProcess();
    process.sampled_pages = 1 << 10;
    process.resident_pages = resident;
  }
  EXPECT_NEAR(Explain(facts_).error_bound, 1.96 * 0.5 / 32, 0.0001);
}

}  // namespace
}  // namespace numalocality::explanation_test
