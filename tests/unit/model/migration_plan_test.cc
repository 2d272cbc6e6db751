#include "agent/model/migration_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace numalocality::migration_plan_test {
namespace {

constexpr int64_t kPage = 4096;
constexpr int64_t kHuge = 512 * kPage;
constexpr uint64_t kBase = 0x40000000;

// Adds a run, or makes the last one longer.
void Append(std::vector<PageSpan>& runs, uint64_t start, int count, int node,
            MemoryKind kind = MemoryKind::kAnon) {
  runs.push_back({start, count, NodeId{node}, kind});
}

int64_t PagesOf(const std::vector<PageSpan>& runs) {
  int64_t pages = 0;
  for (const PageSpan& run : runs) pages += run.pages;
  return pages;
}

int64_t MisplacedPages(const WindowPlan& plan) {
  return static_cast<int64_t>(plan.probes.size() + plan.rest.size() + plan.singles.size()) +
         static_cast<int64_t>(plan.huge.size()) * 512;
}

constexpr PageSizes kSizes{kPage, kHuge, false};

const NodeMap kToNode1 = {{NodeId{0}, NodeId{1}}, {NodeId{1}, NodeId{1}}};

TEST(PlanWindowTest, EmptyWindowIsAnEmptyPlan) {
  const WindowPlan plan = PlanWindow({}, kToNode1, kSizes);
  EXPECT_EQ(MisplacedPages(plan), 0);
  EXPECT_EQ(plan.already_there_pages, 0);
}

TEST(PlanWindowTest, SinglesAreTheMisplacedPages) {
  std::vector<PageSpan> pages;
  Append(pages, kBase + kPage, 3, 0);
  Append(pages, kBase + 4 * kPage, 2, 1);
  Append(pages, kBase + 6 * kPage, 1, 2);  // a node that is none of the migration's business
  const WindowPlan plan = PlanWindow(pages, kToNode1, kSizes);
  EXPECT_EQ(plan.singles.size(), 3u);
  EXPECT_EQ(plan.already_there_pages, 2);
  EXPECT_EQ(MisplacedPages(plan), 3);
}

TEST(PlanWindowTest, HiddenPagesAreCountedAndNotMoved) {
  std::vector<PageSpan> pages;
  Append(pages, kBase, 600, kHiddenNode.value);
  Append(pages, kBase + 600 * kPage, 2, 0);
  const WindowPlan plan = PlanWindow(pages, kToNode1, kSizes);
  EXPECT_EQ(plan.hidden_pages, 600);
  EXPECT_EQ(MisplacedPages(plan), 2);
}

TEST(PlanWindowTest, AWholeAlignedBlockGetsAProbe) {
  std::vector<PageSpan> pages;
  Append(pages, kBase, 1024, 0);
  const WindowPlan plan = PlanWindow(pages, kToNode1, kSizes);
  ASSERT_EQ(plan.probes.size(), 2u);
  EXPECT_EQ(plan.probes[0].address, kBase);
  EXPECT_EQ(plan.probes[1].address, kBase + kHuge);
  EXPECT_EQ(plan.rest.size(), 2u * 511u);
  EXPECT_TRUE(plan.singles.empty());
  EXPECT_EQ(MisplacedPages(plan), 1024);
}

TEST(PlanWindowTest, PagesOf64KiBHaveHugePagesOfTheirOwnSize) {
  constexpr PageSizes kLarge{64 << 10, 512 << 20, false};
  std::vector<PageSpan> pages;
  Append(pages, kBase, 8192, 0);
  Append(pages, kBase + (512 << 20), 3, 0);
  const WindowPlan plan = PlanWindow(pages, kToNode1, kLarge);
  ASSERT_EQ(plan.probes.size(), 1u);
  ASSERT_EQ(plan.rest.size(), 8191u);
  EXPECT_EQ(plan.rest.back().address, kBase + (512 << 20) - (64 << 10));
  ASSERT_EQ(plan.singles.size(), 3u);
  EXPECT_EQ(plan.singles[1].address, kBase + (512 << 20) + (64 << 10));
}

TEST(PlanWindowTest, BlocksThatCannotBeHugeAreSingles) {
  const auto plan_of = [](const std::vector<PageSpan>& pages, int64_t huge) {
    return PlanWindow(pages, kToNode1, {kPage, huge, false});
  };
  std::vector<PageSpan> unaligned;
  Append(unaligned, kBase + kPage, 512, 0);
  std::vector<PageSpan> cut_short;
  Append(cut_short, kBase, 511, 0);
  std::vector<PageSpan> with_hole;
  Append(with_hole, kBase, 100, 0);
  Append(with_hole, kBase + 101 * kPage, 412, 0);
  std::vector<PageSpan> two_kinds;
  Append(two_kinds, kBase, 500, 0);
  Append(two_kinds, kBase + 500 * kPage, 12, 0, MemoryKind::kShmem);
  std::vector<PageSpan> page_cache;
  Append(page_cache, kBase, 512, 0, MemoryKind::kFile);
  for (const auto& pages : {unaligned, cut_short, with_hole, two_kinds, page_cache}) {
    const WindowPlan plan = plan_of(pages, kHuge);
    EXPECT_TRUE(plan.probes.empty());
    EXPECT_EQ(static_cast<int64_t>(plan.singles.size()), PagesOf(pages));
  }
  std::vector<PageSpan> whole;
  Append(whole, kBase, 512, 0);
  EXPECT_EQ(plan_of(whole, 0).singles.size(), 512u);  // no huge pages on this machine
}

TEST(PlanWindowTest, ABlockOnTwoNodesIsNotHuge) {
  std::vector<PageSpan> pages;
  Append(pages, kBase, 511, 0);
  Append(pages, kBase + 511 * kPage, 1, 1);
  Append(pages, kBase + kHuge, 512, 0);
  const WindowPlan plan = PlanWindow(pages, kToNode1, kSizes);
  EXPECT_EQ(plan.singles.size(), 511u);
  EXPECT_EQ(plan.already_there_pages, 1);
  EXPECT_EQ(plan.probes.size(), 1u);
}

TEST(PlanWindowTest, ListsAreInOrderOfTargetThenAddress) {
  const NodeMap swap = {{NodeId{0}, NodeId{1}}, {NodeId{1}, NodeId{0}}};
  std::vector<PageSpan> pages;
  for (int i = 0; i < 10; ++i)
    Append(pages, kBase + kPage * (1 + static_cast<uint64_t>(i)), 1, i % 2);
  const WindowPlan plan = PlanWindow(pages, swap, kSizes);
  ASSERT_EQ(plan.singles.size(), 10u);
  EXPECT_TRUE(std::is_sorted(plan.singles.begin(), plan.singles.end(),
                             [](const PageMove& a, const PageMove& b) {
                               return std::tie(a.target, a.address) < std::tie(b.target, b.address);
                             }));
  EXPECT_EQ(plan.singles.front().target, NodeId{0});
}

TEST(PlanWindowTest, AKnownHugePageIsOneMove) {
  std::vector<PageSpan> pages;
  Append(pages, kBase, 1024, 0);
  pages.back().is_huge = true;
  Append(pages, kBase + 2 * kHuge, 512, 0);
  const WindowPlan plan = PlanWindow(pages, kToNode1, {kPage, kHuge, true});
  ASSERT_EQ(plan.huge.size(), 2u);
  EXPECT_EQ(plan.huge[1].address, kBase + kHuge);
  EXPECT_TRUE(plan.probes.empty());  // known not to be huge: no need to try
  EXPECT_EQ(plan.singles.size(), 512u);
}

TEST(TakeSampleTest, TakesWholeBlocksAndSinglePages) {
  std::vector<PageSpan> pages;
  Append(pages, kBase, 8 * 512 + 100, 0);
  WindowPlan plan = PlanWindow(pages, kToNode1, kSizes);
  const WindowPlan sample = TakeSample(plan, 3, kSizes);
  EXPECT_EQ(MisplacedPages(sample), 3 * 512 + 3);
  EXPECT_EQ(MisplacedPages(sample) + MisplacedPages(plan), 8 * 512 + 100);
  ASSERT_EQ(sample.rest.size(), 3u * 511);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(sample.rest[i * 511].address, sample.probes[i].address + kPage) << i;
    EXPECT_EQ(plan.rest[i * 511].address, plan.probes[i].address + kPage) << i;
  }
  // More than there is: all of it.
  EXPECT_EQ(MisplacedPages(TakeSample(plan, 1000, kSizes)), 5 * 512 + 97);
  EXPECT_EQ(MisplacedPages(plan), 0);
}

TEST(TakeSampleTest, SamplesOfSeveralWindowsKeepTheirOrder) {
  const NodeMap swap = {{NodeId{0}, NodeId{1}}, {NodeId{1}, NodeId{0}}};
  std::vector<WindowPlan> samples;
  for (uint64_t window = 0; window < 4; ++window) {
    std::vector<PageSpan> pages;
    Append(pages, kBase + window * 4 * kHuge, 512, 0);
    Append(pages, kBase + (window * 4 + 1) * kHuge, 512, 1);
    WindowPlan plan = PlanWindow(pages, swap, kSizes);
    samples.push_back(TakeSample(plan, 2, kSizes));
  }
  const WindowPlan all = Merge(samples);
  ASSERT_EQ(all.probes.size(), 8u);
  for (size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(all.probes[i].target, NodeId{i < 4 ? 0 : 1}) << i;
    EXPECT_EQ(all.rest[i * 511].address, all.probes[i].address + kPage) << i;
  }
}

TEST(SampleIndicesTest, AreIrregularAndAscending) {
  const std::vector<size_t> indices = SampleIndices(6400, 64);
  ASSERT_EQ(indices.size(), 64u);
  size_t multiples = 0;
  for (size_t i = 0; i < indices.size(); ++i) {
    EXPECT_EQ(indices[i] / 100, i);
    multiples += indices[i] % 64 == 0;
  }
  EXPECT_LT(multiples, 8u);
  EXPECT_EQ(SampleIndices(2, 64), (std::vector<size_t>{0, 1}));
  EXPECT_TRUE(SampleIndices(0, 64).empty());
}

}  // namespace
}  // namespace numalocality::migration_plan_test
