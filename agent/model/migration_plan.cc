#include "agent/model/migration_plan.h"

#include <algorithm>
#include <tuple>

namespace numalocality {
namespace {

// Whether the `count` pages from `first` on are consecutive, of one kind and on one node.
bool IsUniformBlock(absl::Span<const ResidentPage> pages, size_t first, size_t count,
                    int64_t page_bytes) {
  if (first + count > pages.size()) return false;
  const ResidentPage& head = pages[first];
  for (size_t i = 1; i < count; ++i) {
    const ResidentPage& page = pages[first + i];
    if (page.address != head.address + i * static_cast<uint64_t>(page_bytes) ||
        page.node != head.node || page.kind != head.kind) {
      return false;
    }
  }
  return true;
}

void SortByTarget(std::vector<PageMove>& moves) {
  std::sort(moves.begin(), moves.end(), [](const PageMove& a, const PageMove& b) {
    return std::tie(a.target, a.address) < std::tie(b.target, b.address);
  });
}

}  // namespace

NodeTargets PlanTargets(const Topology& topology, const NodeSet& targets, const NodeSet& sources) {
  NodeTargets plan;
  for (const NodeId node : topology.MemoryNodes()) {
    if (targets.Contains(node)) {
      plan[node] = node;
    } else if (sources.empty() || sources.Contains(node)) {
      const std::vector<NodeId> best = topology.TargetsFor(node, targets);
      if (!best.empty()) plan[node] = best.front();
    }
  }
  return plan;
}

WindowPlan PlanWindow(absl::Span<const ResidentPage> pages, const NodeTargets& targets,
                      int64_t page_bytes, int64_t huge_bytes) {
  WindowPlan plan;
  const size_t block_pages = static_cast<size_t>(huge_bytes / page_bytes);
  for (size_t i = 0; i < pages.size();) {
    const ResidentPage& page = pages[i];
    const auto target = targets.find(page.node);
    if (target == targets.end()) {
      ++i;
    } else if (target->second == page.node) {
      ++plan.already_there_pages;
      ++i;
    } else if (huge_bytes > 0 && page.address % static_cast<uint64_t>(huge_bytes) == 0 &&
               page.kind != MemoryKind::kFile &&
               IsUniformBlock(pages, i, block_pages, page_bytes)) {
      plan.probes.push_back({page.address, target->second});
      for (size_t j = 1; j < block_pages; ++j) {
        plan.rest.push_back({pages[i + j].address, target->second});
      }
      i += block_pages;
    } else {
      plan.singles.push_back({page.address, target->second});
      ++i;
    }
  }
  SortByTarget(plan.probes);
  SortByTarget(plan.rest);
  SortByTarget(plan.singles);
  return plan;
}

}  // namespace numalocality
