// Moves lists of pages of one process on one worker thread: in batches, within the limits of room,
// bandwidth and call time, and with the process held if the migration asks for that.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_BATCH_MOVER_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_BATCH_MOVER_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "agent/engine/context.h"
#include "agent/engine/move/bandwidth_limit.h"
#include "agent/engine/move/move_ledger.h"
#include "agent/engine/move/owned_memory.h"
#include "agent/engine/move/pressure_back_off.h"
#include "agent/engine/move/process_migration.h"
#include "agent/engine/move/reclaim_watch.h"
#include "agent/engine/move/spill_over.h"
#include "agent/engine/workload/node_room.h"
#include "agent/model/batch_size.h"
#include "agent/model/topology.h"
#include "agent/os/act/page_mover.h"

namespace numalocality {

// What all workers of one workload's migration share. All references outlive the workers.
struct MoveContext {
  const EngineContext& engine;
  const MigrationSpec& spec;
  const Topology& topology;
  NodeRoom& room;
  BandwidthLimit& bandwidth;
  BackOff& back_off;
  ReclaimWatch& reclaim;
  MoveLedger& ledger;
  OwnedMemory& owned;
  // Some node is both a source and a target: a full node may have room again later.
  bool nodes_swap = false;
};

// State of one worker thread.
struct MoveWorker {
  MoveWorker(int index, const MoveLimits& limits)
      : number(index),
        pages(limits.longest_call, kFirstPages, limits.batch_pages),
        huge_pages(limits.longest_call, 1) {}

  // Pages of the first batch, before anything is measured: few enough for a busy process on a
  // kernel that sends a TLB shoot-down for each page.
  static constexpr int kFirstPages = 64;

  const int number;
  BatchSize pages;
  BatchSize huge_pages;
};

// What one entry of a list of moves stands for.
enum class MoveUnit { kPage, kHugePage };

// Is called with the outcome of each move.
using Settle = absl::FunctionRef<void(const PageMove&, PageOutcome)>;

// For one thread; the objects that it refers to are shared with other workers.
class BatchMover {
 public:
  // Most threads of a process that is held; more would take too long to stop.
  static constexpr int kMaxHeldThreads = 256;
  // How long to wait until all threads have stopped. A thread that needs longer waits for a device
  // and does not use the pages meanwhile.
  static constexpr absl::Duration kHoldTimeout = absl::Milliseconds(20);
  // How often to try, for shared pages, which stay where they are without a hold.
  static constexpr int kMaxHoldAttempts = 5;

  BatchMover(const MoveContext& context, MoveWorker& worker, ProcessMigration& process)
      : context_(context),
        worker_(worker),
        process_(process),
        mover_(context.engine.kernel, context.engine.clock, process.page_sizes().base_bytes),
        // A node map names one target for each node. Nodes that swap memory have room again later.
        spill_over_(process.targets(), context.topology, context.room,
                    context.spec.node_map.empty() && !context.nodes_swap) {}

  // Moves `moves` (ordered by target) and calls `settle` for each, until all are done or the
  // process or the migration is stopped; `settle` is not called for those left then. While the
  // process's memory is stuck, tries a sample and settles the others as it: as pinned.
  void Move(absl::Span<const PageMove> moves, MoveUnit unit, MoveFlag flag, Settle settle);

  // Moves pages of one target in one call, regardless of the batch size, and returns the outcomes.
  std::vector<PageOutcome> MoveTogether(absl::Span<const PageMove> moves);

  // From now on, whether pages are tried for the first time: only that shows stuck memory.
  void SetFirstAttempt(bool is_first) { is_first_attempt_ = is_first; }

  // Most entries of one kind that are tried as a sample, in one call for each target.
  size_t SampleSize(MoveUnit unit) const { return StuckMemory::SampleSize(SizeOf(unit).pages()); }

  // Asks whether the migration was cancelled or is over its deadline; then stops the process.
  // Returns false if the process is stopped, by this or another worker.
  bool MayContinue();

  // Sleeps; returns false if the process or the migration was stopped meanwhile.
  bool Pause(absl::Duration duration);

  // See SpillOver.
  bool IsThere(const PageMove& move, int node) const { return spill_over_.IsThere(move, node); }

  // Settles those of `moves` that are there already, because another page of the same huge page was
  // moved; returns the others.
  std::vector<PageMove> SettleFollowers(absl::Span<const PageMove> moves, Settle settle) const;

  // Whether a target node went offline: then nothing is known about why pages stayed.
  bool TargetIsGone() const { return process_.reason() == MigrationReason::kNodeGone; }

  // Counts those of `moves` that have moved together with another page of the same huge page;
  // returns the others.
  std::vector<PageMove> CountFollowers(absl::Span<const PageMove> moves) {
    return SettleFollowers(moves,
                           [this](const PageMove& move, PageOutcome) { CountMoved(move, 1); });
  }

  // The current node of each page, negative where there is none. Empty if the process is gone.
  std::vector<int> Query(absl::Span<const PageMove> moves) const {
    return moves.empty() ? std::vector<int>() : mover_.Query(process_.handle(), moves);
  }

  // Counts pages. The ledger gets the counts with the next batch, or by Flush.
  void Count(PageOutcome outcome, int64_t pages) { tally_.outcomes.Add(outcome, pages); }
  void CountMoved(const PageMove& move, int64_t pages);
  void CountHugePage(bool stayed_whole) {
    ++(stayed_whole ? tally_.huge_pages_moved : tally_.huge_pages_split);
  }
  void Flush();

 private:
  // The moves to one target.
  struct Group {
    NodeId target;
    absl::Span<const PageMove> left;
    bool is_sampled = false;  // its last batch was a sample of stuck memory, and some was pinned
    std::vector<PageMove> reordered = {};  // what `left` points to from the first sample on
  };

  static std::vector<Group> GroupByTarget(absl::Span<const PageMove> moves);
  // The group whose target has most room.
  Group& BestOf(std::vector<Group>& groups) const;
  // Moves to the front of the group's list a sample of it, `most` moves at irregular
  // distances: every 64th page may be pinned.
  static void PutSampleFirst(Group& group, size_t most);
  // Settles what is left of a group as pinned, because the sample did not move.
  void GiveUp(Group& group, MoveUnit unit, Settle settle) const;
  // Waits until the bandwidth limits and the memory pressure allow `bytes`; returns false if the
  // process or the migration was stopped.
  bool WaitForTurn(int64_t bytes);
  // Whether a batch that needs `pages` may move into `room`, also if page cache must go for it. If
  // not, claim room again: there is less of it, or time has passed.
  bool MayReclaim(const NodeRoom::Room& room, int64_t pages);
  // Waits a moment for the kernel to drop page cache in the background.
  void AwaitReclaim();
  // `pages` if the next batch does not wait for that any longer, else 0.
  int64_t PagesToPush(int64_t pages) const;
  // Returns whether some of the pages are pinned. Pages that found no memory and have another
  // target are added to `spilled` instead of settled.
  bool MoveBatch(absl::Span<const PageMove> batch, MoveUnit unit, MoveFlag flag, Settle settle,
                 std::vector<PageMove>& spilled);
  // Marks the full target of a group, and settles its moves that have no other one. Returns those
  // that have.
  std::vector<PageMove> LeaveFull(const Group& group, Settle settle);
  // Appends moves to `groups`, as groups of their own.
  static void AddGroups(std::vector<PageMove> moves, std::vector<Group>& groups);
  // One call of the mover, with its measurement and its progress report.
  BatchResult Call(absl::Span<const PageMove> batch, MoveUnit unit, MoveFlag flag);
  BatchResult CallHeld(absl::Span<const PageMove> batch, BatchSize& size,
                       const ProvenMemory* proven, MoveFlag flag);
  // Moves the pages, with `proven` only those that the workload still owns and if `may_move` after
  // that look; the others are kShared.
  BatchResult MoveNow(absl::Span<const PageMove> batch, const ProvenMemory* proven, MoveFlag flag,
                      absl::FunctionRef<bool()> may_move) const;
  // Notes why shared pages of the process stay: `what` it did.
  void NoteSharing(absl::string_view what) const;
  // Ends the migration of the process if it cannot be held.
  BatchResult RefusedHold(const absl::Status& status, size_t count);
  BatchSize& SizeOf(MoveUnit unit) const {
    return unit == MoveUnit::kPage ? worker_.pages : worker_.huge_pages;
  }
  // Base pages of a block that may be a huge page; 1 on a machine without huge pages.
  int64_t PagesPerBlock() const;
  // Most base pages that `moves` may need: each may bring along the whole huge page around it.
  int64_t MostPages(absl::Span<const PageMove> moves) const;
  // How many of the first `moves` fit into `room` base pages if each needs the most.
  size_t CountThatFits(absl::Span<const PageMove> moves, int64_t room) const;
  int64_t PagesPer(MoveUnit unit) const {
    return unit == MoveUnit::kPage ? 1 : process_.page_sizes().PagesPerHuge();
  }
  // Stops because `target` went offline; false if it has not.
  bool StopIfGone(NodeId target);
  void StopForGone(NodeId target);
  // `for_good`: nothing more is moved to `target`.
  void NoRoomOn(NodeId target, const std::string& message, bool for_good);
  void StopFor(const BatchResult& batch, NodeId target, MoveFlag flag);

  const MoveContext& context_;
  MoveWorker& worker_;
  ProcessMigration& process_;
  const PageMover mover_;
  const SpillOver spill_over_;
  bool is_first_attempt_ = true;
  bool takes_cache_ = false;           // the last batch took page cache
  absl::Duration waited_for_reclaim_;  // since the last batch
  MoveTally tally_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_BATCH_MOVER_H_
