// Moves one segment of a process's memory and finds out what became of each of its pages.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_SEGMENT_MOVER_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_SEGMENT_MOVER_H_

#include <vector>

#include "agent/engine/move/batch_mover.h"
#include "agent/engine/move/process_migration.h"
#include "agent/model/migration_plan.h"

namespace numalocality {

// Use for one segment, on one thread.
class SegmentMover {
 public:
  SegmentMover(const MoveShared& shared, MoveWorker& worker, ProcessMigration& process)
      : shared_(shared), process_(process), batches_(shared, worker, process) {}

  // Scans the segment afresh, and moves what is misplaced in it, window by window. Why it ended
  // early, if it did, is told to the process.
  void Move(const MemorySegment& segment);

 private:
  // A page that was tried and did not move; or a whole huge page, `move` being its first.
  struct Unmoved {
    PageMove move;
    int64_t pages = 1;
    PageOutcome outcome = PageOutcome::kPinned;
  };

  // Moves what is in `left` and moves its start along; `done` unless `known` got too old for it.
  absl::Status MoveRange(const MemorySegment& segment, const ProcessMigration::KnownMappings& known,
                         AddressRange& left, bool& done);
  void MoveWindow(absl::Span<const PageSpan> runs);
  // Known huge pages. Appends the pages of those that are none any more to `singles`.
  void MoveHuge(absl::Span<const PageMove> heads, MoveFlag flag, std::vector<PageMove>& singles);
  void SettleSplit(const PageMove& head, std::vector<PageMove>& singles);
  // Blocks that may be huge pages; `rest` are their other pages, in the same order. Appends the
  // pages that need to be tried one by one to `singles`.
  void MoveProbes(absl::Span<const PageMove> heads, absl::Span<const PageMove> rest,
                  std::vector<PageMove>& singles);
  // A probe that did not move; `left`: the pages of its block that are to be tried. True if the
  // block is one huge page and so settled as a whole.
  bool SettleStuckProbe(const PageMove& head, std::vector<PageMove>& left);
  // Books those of `moves` that came along with another page; returns the others.
  std::vector<PageMove> CountFollowers(absl::Span<const PageMove> moves);
  void MoveSingles(absl::Span<const PageMove> moves, MoveFlag flag);
  // Tries again, after growing pauses, and books what is still stuck.
  void Retry(std::vector<Unmoved> stuck, MoveFlag flag);
  std::vector<Unmoved> RetryOnce(const std::vector<Unmoved>& stuck, MoveFlag flag);
  void MoveSharers();
  // Books a page, or a huge page, or puts it aside for a further attempt.
  void Settle(const PageMove& move, int64_t pages, PageOutcome outcome);
  PageMove PageOf(const PageMove& head, int64_t index) const;

  const MoveShared& shared_;
  ProcessMigration& process_;
  BatchMover batches_;
  // Seen so far; see MemorySegment.
  int64_t misplaced_pages_ = 0;
  int64_t settled_pages_ = 0;
  std::vector<Unmoved> stuck_;    // to be tried again
  std::vector<Unmoved> sharers_;  // of this window: shared pages that belong to the workload
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_SEGMENT_MOVER_H_
