// Moves one segment of a process's memory and finds the outcome of each of its pages.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_SEGMENT_MOVER_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_SEGMENT_MOVER_H_

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/engine/move/batch_mover.h"
#include "agent/engine/move/page_retries.h"
#include "agent/engine/move/process_migration.h"
#include "agent/model/migration_plan.h"
#include "agent/os/pages/pagemap.h"

namespace numalocality {

// For one segment, on one thread.
class SegmentMover {
 public:
  SegmentMover(const MoveContext& context, MoveWorker& worker, ProcessMigration& process);

  // Scans the segment again and moves the misplaced pages, window by window. If that ends early,
  // the ProcessMigration is stopped with the reason.
  void Move(const MemorySegment& segment);

  // Call after Move of the process's last segment: moves what was put aside because the memory is
  // stuck.
  void FinishProcess();

 private:
  // Moves the pages in `left`, at least those of one window, until `known` is too old. Advances the
  // start of `left`, to its end if nothing is left.
  absl::Status MoveRange(const MemorySegment& segment, const ProcessMigration::KnownMappings& known,
                         AddressRange& left);
  void MoveWindow(absl::Span<const PageSpan> spans);
  void MovePlan(WindowPlan plan);
  // The number of windows to put aside for one sample: one page of each is tried.
  size_t MostAside() const;
  // Tries a few pages of each window, and then all pages of the windows of which one has moved.
  // Counts those of the others as pinned.
  void TrySample(std::vector<WindowPlan> windows);
  // Counts the window's pages as pinned.
  void LeaveUntried(const WindowPlan& window);
  // Settles the misplaced pages that several processes map; returns the other spans.
  std::vector<PageSpan> SettleShared(absl::Span<const PageSpan> spans);
  // Moves known huge pages. Appends the pages of those that were split meanwhile to `singles`.
  void MoveHuge(absl::Span<const PageMove> heads, MoveFlag flag, std::vector<PageMove>& singles);
  // Moves the first pages of blocks that may be huge pages; `rest` are the other pages of these
  // blocks, in the same order. Appends the pages that must be tried one by one to `singles`.
  void MoveProbes(absl::Span<const PageMove> heads, absl::Span<const PageMove> rest,
                  std::vector<PageMove>& singles);
  // Settles the first page of a block that did not move; `left` are the pages of the block that are
  // not settled. Returns true if the block is one huge page, and then settles all of it.
  bool SettleStuckProbe(const PageMove& head, std::vector<PageMove>& left);
  void MoveSingles(absl::Span<const PageMove> moves, MoveFlag flag);
  void MoveSharers();
  // Counts the outcome of a page or huge page, or keeps it for a further attempt.
  void Settle(const PageMove& move, int64_t pages, PageOutcome outcome);

  const MoveContext& context_;
  ProcessMigration& process_;
  const absl::StatusOr<Pagemap> pagemap_;  // may be denied
  BatchMover batches_;
  // Pages of the windows so far; see MemorySegment.
  int64_t misplaced_pages_ = 0;
  int64_t settled_pages_ = 0;
  PageRetries retries_;
  std::vector<UnmovedPage> sharers_;  // of this window: shared pages that belong to the workload
  // While a sample is tried: the addresses of pages that moved, or that are not pinned.
  std::optional<std::set<uint64_t>> unstuck_sample_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_SEGMENT_MOVER_H_
