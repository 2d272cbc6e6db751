// How one worker gets lists of pages moved: in batches, within room, bandwidth and call time, with
// the process held still if asked for.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_BATCH_MOVER_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_BATCH_MOVER_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "agent/engine/context.h"
#include "agent/engine/move/back_off.h"
#include "agent/engine/move/bandwidth_limit.h"
#include "agent/engine/move/move_ledger.h"
#include "agent/engine/move/owned_memory.h"
#include "agent/engine/move/process_migration.h"
#include "agent/engine/workload/node_room.h"
#include "agent/model/batch_size.h"
#include "agent/os/act/page_mover.h"

namespace numalocality {

// What all workers of a run share.
struct MoveShared {
  const EngineContext& context;
  const MigrationSpec& spec;
  NodeRoom& room;
  BandwidthLimit& bandwidth;
  BackOff& back_off;
  MoveLedger& ledger;
  OwnedMemory& owned;
  bool nodes_swap = false;  // some node both gives and takes memory: a full one may have room again
};

// One thread's own.
struct MoveWorker {
  MoveWorker(int index, const MoveLimits& limits)
      : number(index),
        pages(limits.longest_call, kFirstPages, limits.batch_pages),
        huge_pages(limits.longest_call, 1) {}

  // So many are moved before the first measurement: few enough for a busy process on a kernel that
  // sends a TLB shoot-down for each.
  static constexpr int kFirstPages = 64;

  const int number;
  BatchSize pages;
  BatchSize huge_pages;
};

// What an entry of a list stands for.
enum class MoveUnit { kPage, kHugePage };

// Told what became of a move.
using Settle = absl::FunctionRef<void(const PageMove&, PageOutcome)>;

// Moves pages of one process on one thread.
class BatchMover {
 public:
  // Of a process that is held, the threads; more would take too long to stop.
  static constexpr int kMaxHeldThreads = 256;
  // A thread that has not stopped by then waits for a device, and does not disturb.
  static constexpr absl::Duration kHoldTimeout = absl::Milliseconds(20);
  // A process that stands still runs on after so long, whatever the kernel does with the call.
  static constexpr absl::Duration kLongestHold = absl::Milliseconds(100);

  BatchMover(const MoveShared& shared, MoveWorker& worker, ProcessMigration& process)
      : shared_(shared),
        worker_(worker),
        process_(process),
        mover_(shared.context.kernel, shared.context.clock, process.page_sizes().base_bytes) {}

  // Moves `moves` (ordered by target) until done, or the process or the run is stopped; those not
  // reached by then are not settled.
  void Move(absl::Span<const PageMove> moves, MoveUnit unit, MoveFlag flag, Settle settle);

  // Moves pages of one target in one call, whatever the batch size, and returns the outcomes.
  std::vector<PageOutcome> MoveTogether(absl::Span<const PageMove> moves);

  // Sleeps; false if the process or the run was stopped meanwhile.
  bool Pause(absl::Duration duration);

  // Settles those of `moves` that are on their target by now, having come along with another page
  // of their huge page; returns the others.
  std::vector<PageMove> SettleFollowers(absl::Span<const PageMove> moves, Settle settle) const;

  // The node of each page now; negative where there is none. Empty if the process is gone.
  std::vector<int> Query(absl::Span<const PageMove> moves) const {
    return moves.empty() ? std::vector<int>() : mover_.Query(process_.handle(), moves);
  }

  // Books pages; they are reported with the next batch, or by Flush.
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
  };

  static std::vector<Group> GroupByTarget(absl::Span<const PageMove> moves);
  // The group whose target has most room.
  Group& BestOf(std::vector<Group>& groups) const;
  // Waits until bandwidth and memory pressure allow `bytes`; false if the run was stopped.
  bool WaitForTurn(int64_t bytes);
  bool CheckStop();
  void MoveBatch(absl::Span<const PageMove> batch, MoveUnit unit, MoveFlag flag, Settle settle);
  // One call of the mover and what belongs around it.
  BatchResult Call(absl::Span<const PageMove> batch, MoveUnit unit, MoveFlag flag);
  BatchResult CallHeld(absl::Span<const PageMove> batch, BatchSize& size, MoveFlag flag);
  // Ends the process's part of the run.
  BatchResult RefusedHold(const absl::Status& status, size_t count);
  // Those of `moves` that a proof of now still says to be the workload's own; settles the others.
  std::vector<PageMove> StillOwned(absl::Span<const PageMove> moves, Settle settle) const;
  BatchSize& SizeOf(MoveUnit unit) const {
    return unit == MoveUnit::kPage ? worker_.pages : worker_.huge_pages;
  }
  // Of what may be a huge page; 1 on a machine without them.
  int64_t PagesPerBlock() const;
  // Base pages that `moves` need at most: each may bring along the huge page that it is part of.
  int64_t MostPages(absl::Span<const PageMove> moves) const;
  // How many of `moves`, the first ones first, fit into `room` base pages if they need the most.
  size_t CountThatFits(absl::Span<const PageMove> moves, int64_t room) const;
  int64_t PagesPer(MoveUnit unit) const {
    return unit == MoveUnit::kPage ? 1 : process_.page_sizes().PagesPerHuge();
  }
  void NoRoomOn(NodeId target, const std::string& message, bool for_good);
  void StopFor(const BatchResult& batch, NodeId target, MoveFlag flag);

  const MoveShared& shared_;
  MoveWorker& worker_;
  ProcessMigration& process_;
  const PageMover mover_;
  MoveTally tally_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_BATCH_MOVER_H_
