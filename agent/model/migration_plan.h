// Which pages to move, and in which calls. Pure.
#ifndef NUMALOCALITY_AGENT_MODEL_MIGRATION_PLAN_H_
#define NUMALOCALITY_AGENT_MODEL_MIGRATION_PLAN_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "agent/model/ids.h"
#include "agent/model/node_map.h"
#include "agent/model/page_span.h"

namespace numalocality {

// A page to move to `target`. A base page stands for its whole folio when the page turns out to
// be part of a transparent huge page.
struct PageMove {
  uint64_t address = 0;
  NodeId source;
  NodeId target;
};

// The moves for one window of pages. Each list is ordered by target, then address, since the
// kernel flushes its queue whenever the target changes.
struct WindowPlan {
  // The first page of each known transparent huge page.
  std::vector<PageMove> huge;
  // The first page of each aligned block of huge-page size that is resident as a whole, of one
  // kind and on one node. If the block is a transparent huge page, this entry alone moves it all:
  // the way to find out that works on every kernel and without privilege.
  std::vector<PageMove> probes;
  // The other pages of those blocks: to be moved if they did not come along.
  std::vector<PageMove> rest;
  // Misplaced pages outside such blocks.
  std::vector<PageMove> singles;
  int64_t already_there_pages = 0;
  int64_t hidden_pages = 0;  // on kHiddenNode: cannot be moved as long as they are
};

// What the machine's pages are like.
struct PageSizes {
  int64_t base_bytes = 4096;
  int64_t huge_bytes = 0;      // of a transparent huge page; 0 if there are none
  bool huge_is_known = false;  // PageSpan::is_huge tells: no probes

  int64_t PagesPerHuge() const { return huge_bytes / base_bytes; }
};

// Plans the pages of one window (address order, no duplicates, runs as long as can be).
WindowPlan PlanWindow(absl::Span<const PageSpan> runs, const NodeMap& targets,
                      const PageSizes& sizes);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_MIGRATION_PLAN_H_
