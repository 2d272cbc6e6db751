#include "agent/model/migration_plan.h"

#include <algorithm>
#include <tuple>

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
