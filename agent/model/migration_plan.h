// Plans a window: which of its pages to move, and in which calls. Pure.
#ifndef NUMALOCALITY_AGENT_MODEL_MIGRATION_PLAN_H_
#define NUMALOCALITY_AGENT_MODEL_MIGRATION_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "agent/model/ids.h"
#include "agent/model/node_map.h"
#include "agent/model/page_span.h"

namespace numalocality {

// A page to move to `target`. If it is part of a transparent huge page, the kernel moves the whole
// huge page.
struct PageMove {
  uint64_t address = 0;
  NodeId source;
  NodeId target;
};

// The page sizes of the machine.
struct PageSizes {
  int64_t base_bytes = 4096;
  int64_t huge_bytes = 0;      // of a transparent huge page; 0 if there are none
  bool huge_is_known = false;  // PageSpan::is_huge is reliable: no probes are needed

  int64_t PagesPerHuge() const { return huge_bytes / base_bytes; }
};

// The moves for one window of pages. Each list is ordered by target, then address, since the
// kernel flushes its queue whenever the target changes.
struct WindowPlan {
  // The first page of each known transparent huge page.
  std::vector<PageMove> huge;
  // The first page of each aligned block of huge-page size that is completely resident, of one kind
  // and on one node. If the block is a transparent huge page, this entry alone moves all of it;
  // that shows on every kernel, and without privilege, whether the block is one.
  std::vector<PageMove> probes;
  // The other pages of those blocks: to be moved if they did not move with the first one.
  std::vector<PageMove> rest;
  // Misplaced pages outside such blocks.
  std::vector<PageMove> singles;
  int64_t already_there_pages = 0;
  int64_t hidden_pages = 0;  // on kHiddenNode: they cannot be moved while they are there

  // The base pages that are to be moved.
  int64_t CountMoves(const PageSizes& sizes) const;
};

// Orders `moves` by target, then address.
void SortByTarget(std::vector<PageMove>& moves);

// The move of base page `index` of the huge page that begins at `head`, and those of all its pages.
PageMove PageOf(const PageMove& head, int64_t index, const PageSizes& sizes);
std::vector<PageMove> PagesOfHuge(const PageMove& head, const PageSizes& sizes);

// Up to `most` of the numbers below `count`, ascending, at irregular distances: every 64th page may
// be unlike the others.
std::vector<size_t> SampleIndices(size_t count, size_t most);

// Takes up to `most` huge pages, blocks and single pages each out of `plan`.
WindowPlan TakeSample(WindowPlan& plan, size_t most, const PageSizes& sizes);

// The moves of several windows.
WindowPlan Merge(absl::Span<const WindowPlan> windows);

// Plans one window. `spans`: in address order, without overlaps, each as long as possible.
WindowPlan PlanWindow(absl::Span<const PageSpan> spans, const NodeMap& targets,
                      const PageSizes& sizes);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_MIGRATION_PLAN_H_
