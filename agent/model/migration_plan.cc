#include "agent/model/migration_plan.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace numalocality {
namespace {

// Plans the misplaced pages of one span.
void PlanSpan(const PageSpan& span, NodeId target, const PageSizes& sizes, WindowPlan& plan) {
  const auto page = static_cast<uint64_t>(sizes.base_bytes);
  const auto huge = static_cast<uint64_t>(sizes.huge_bytes);
  const uint64_t end = span.address + static_cast<uint64_t>(span.pages) * page;
  const bool may_be_huge = huge > 0 && span.kind != MemoryKind::kFile;
  for (uint64_t address = span.address; address < end;) {
    const bool is_block = may_be_huge && address % huge == 0 && end - address >= huge;
    if (is_block && span.is_huge) {
      plan.huge.push_back({address, span.node, target});
      address += huge;
    } else if (is_block && !sizes.huge_is_known) {
      plan.probes.push_back({address, span.node, target});
      const uint64_t block_end = address + huge;
      while ((address += page) < block_end) plan.rest.push_back({address, span.node, target});
    } else {
      plan.singles.push_back({address, span.node, target});
      address += page;
    }
  }
}

// A number that looks random, the same for the same `index`.
size_t Scatter(size_t index) { return (index + 1) * 0x9E3779B97F4A7C15 >> 40; }

// Takes a sample out of `moves`, of which `unit` in a row belong together.
std::vector<PageMove> Take(std::vector<PageMove>& moves, size_t unit, size_t most) {
  const std::vector<size_t> indices = SampleIndices(moves.size() / unit, most);
  auto next = indices.begin();
  std::vector<PageMove> taken;
  std::vector<PageMove> left;
  for (size_t i = 0; i < moves.size(); ++i) {
    while (next != indices.end() && *next < i / unit) ++next;
    (next != indices.end() && *next == i / unit ? taken : left).push_back(moves[i]);
  }
  moves = std::move(left);
  return taken;
}

}  // namespace

int64_t WindowPlan::CountMoves(const PageSizes& sizes) const {
  return static_cast<int64_t>(huge.size()) * sizes.PagesPerHuge() +
         static_cast<int64_t>(probes.size() + rest.size() + singles.size());
}

void SortByTarget(std::vector<PageMove>& moves) {
  std::sort(moves.begin(), moves.end(), [](const PageMove& a, const PageMove& b) {
    return std::tie(a.target, a.address) < std::tie(b.target, b.address);
  });
}

PageMove PageOf(const PageMove& head, int64_t index, const PageSizes& sizes) {
  return {head.address + static_cast<uint64_t>(index * sizes.base_bytes), head.source, head.target};
}

std::vector<PageMove> PagesOfHuge(const PageMove& head, const PageSizes& sizes) {
  std::vector<PageMove> pages;
  for (int64_t i = 0; i < sizes.PagesPerHuge(); ++i) pages.push_back(PageOf(head, i, sizes));
  return pages;
}

std::vector<size_t> SampleIndices(size_t count, size_t most) {
  const size_t parts = std::min(count, most);
  std::vector<size_t> indices;
  for (size_t part = 0; part < parts; ++part) {
    const size_t step = count / parts;
    indices.push_back(part * step + Scatter(part) % step);
  }
  return indices;
}

WindowPlan TakeSample(WindowPlan& plan, size_t most, const PageSizes& sizes) {
  // The rest of a block follows its first page into the sample.
  const auto rest = static_cast<size_t>(std::max(int64_t{1}, sizes.PagesPerHuge() - 1));
  WindowPlan sample;
  sample.huge = Take(plan.huge, 1, most);
  sample.probes = Take(plan.probes, 1, most);
  sample.rest = Take(plan.rest, rest, most);
  sample.singles = Take(plan.singles, 1, most);
  return sample;
}

WindowPlan Merge(absl::Span<const WindowPlan> windows) {
  WindowPlan merged;
  for (const auto moves :
       {&WindowPlan::huge, &WindowPlan::probes, &WindowPlan::rest, &WindowPlan::singles}) {
    for (const WindowPlan& window : windows) {
      (merged.*moves).insert((merged.*moves).end(), (window.*moves).begin(), (window.*moves).end());
    }
    SortByTarget(merged.*moves);
  }
  return merged;
}

WindowPlan PlanWindow(absl::Span<const PageSpan> spans, const NodeMap& targets,
                      const PageSizes& sizes) {
  WindowPlan plan;
  for (const PageSpan& span : spans) {
    if (span.node == kHiddenNode) plan.hidden_pages += span.pages;
    const auto target = targets.find(span.node);
    if (target == targets.end()) continue;
    if (target->second == span.node) {
      plan.already_there_pages += span.pages;
    } else {
      PlanSpan(span, target->second, sizes, plan);
    }
  }
  for (auto* moves : {&plan.huge, &plan.probes, &plan.rest, &plan.singles}) SortByTarget(*moves);
  return plan;
}

}  // namespace numalocality
