// Which pages to move, and in which calls. Pure.
#ifndef NUMALOCALITY_AGENT_MODEL_MIGRATION_PLAN_H_
#define NUMALOCALITY_AGENT_MODEL_MIGRATION_PLAN_H_

#include <cstdint>
#include <map>
#include <vector>

#include "absl/types/span.h"
#include "agent/model/id_set.h"
#include "agent/model/ids.h"
#include "agent/model/placement.h"
#include "agent/model/topology.h"

namespace numalocality {

// One resident base page of a process.
struct ResidentPage {
  uint64_t address = 0;
  NodeId node;
  MemoryKind kind = MemoryKind::kAnon;
};

// Where memory on each node belongs: a node that maps to itself keeps its memory; memory on a node
// that is absent is none of the migration's business.
using NodeTargets = std::map<NodeId, NodeId>;

// Targets for the memory nodes of `topology`: nodes in `targets` keep theirs, those in `sources`
// (empty: all others) give it to the best of `targets` by Topology::TargetsFor.
NodeTargets PlanTargets(const Topology& topology, const NodeSet& targets, const NodeSet& sources);

// A page to move to `target`. A base page stands for its whole folio when the page turns out to
// be part of a transparent huge page.
struct PageMove {
  uint64_t address = 0;
  NodeId target;
};

// The moves for one window of pages. Each list is ordered by target, then address, since the
// kernel flushes its queue whenever the target changes.
struct WindowPlan {
  // The first page of each aligned block of huge-page size that is resident as a whole, of one
  // kind and on one node. If the block is a transparent huge page, this entry alone moves it all:
  // the way to find out that works on every kernel and without privilege.
  std::vector<PageMove> probes;
  // The other pages of those blocks: to be moved if they did not come along.
  std::vector<PageMove> rest;
  // Misplaced pages outside such blocks.
  std::vector<PageMove> singles;
  int64_t already_there_pages = 0;

  int64_t MisplacedPages() const {
    return static_cast<int64_t>(probes.size() + rest.size() + singles.size());
  }
};

// Plans the pages of one window (address order, no duplicates). `huge_bytes`: size of a
// transparent huge page; 0 if there are none.
WindowPlan PlanWindow(absl::Span<const ResidentPage> pages, const NodeTargets& targets,
                      int64_t page_bytes, int64_t huge_bytes);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_MIGRATION_PLAN_H_
