// The part of a migration that concerns one process: scan, move, scan again.
#ifndef NUMALOCALITY_AGENT_ENGINE_PROCESS_MIGRATION_H_
#define NUMALOCALITY_AGENT_ENGINE_PROCESS_MIGRATION_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "agent/engine/migration_run.h"
#include "agent/model/batch_size.h"
#include "agent/model/migration.h"
#include "agent/model/migration_plan.h"
#include "agent/model/topology.h"
#include "agent/os/page_mover.h"
#include "agent/os/page_scanner.h"
#include "agent/os/process_handle.h"
#include "agent/os/topology_reader.h"

namespace numalocality {

// The nodes that a process's memory should be on: spec.target_nodes, or the home nodes of the CPUs
// its threads may run on as far as its cpuset allows them. FAILED_PRECONDITION with both masks if
// the cpuset forbids a target node, or every home node.
absl::StatusOr<NodeSet> TargetNodes(const MigrationContext& context, const ProcessHandle& process,
                                    const MigrationSpec& spec, const Topology& topology);

// What is known of the nodes' room during one run.
struct NodeRoom {
  std::map<NodeId, int64_t> reserve_bytes;  // what is to stay free
  NodeSet full_nodes;  // no move to these any more: the kernel, or the reserve, has said no
};

// Not thread-safe. Call Scan, then Move, then Verify, each at most once.
class ProcessMigration {
 public:
  // All references outlive this. `result` is where the counts go; `observer` is asked and told
  // between batches. `targets`: where the process's memory belongs. `room` is shared by the
  // processes of a run.
  ProcessMigration(const MigrationContext& context, const MigrationSpec& spec,
                   const Topology& topology, NodeRoom& room, ProcessHandle process,
                   const NodeSet& targets, WorkloadMigration& result, MigrationObserver& observer);

  // Counts what is where and what is to move. NOT_FOUND if the process is gone,
  // PERMISSION_DENIED if the kernel refuses, CANCELLED if the observer said stop.
  absl::Status Scan();

  // Moves the misplaced pages, window by window. Returns why it ended early; kNone if it reached
  // the end, whatever the outcomes. What Scan found and Move did not reach gets the outcome that
  // fits the reason.
  MigrationReason Move();

  // Books what Scan found as `outcome`, in place of Move; but pages that were in place as such,
  // unless the process has vanished.
  void Skip(PageOutcome outcome);

  // Counts what is where now and what has drifted. Errors as Scan.
  absl::Status Verify();

  // Known to have exited, or its PID to name another process.
  bool vanished() const { return vanished_; }
  // For people, why Move ended early; may be empty.
  const std::string& message() const { return message_; }

 private:
  // Adds the pages the migration considers to `memory`, and returns how many of them are to move
  // and how many belong where they are.
  struct PageCounts {
    int64_t misplaced = 0;
    int64_t in_place = 0;
  };
  absl::StatusOr<PageCounts> CountPages(MemoryByNode& memory);

  void MoveWindow(absl::Span<const PageRun> runs);
  // Moves in batches of equal target until done or told to stop. `pages_per_move`: what an entry
  // may turn out to stand for.
  void MoveList(absl::Span<const PageMove> moves, int64_t pages_per_move);
  void MoveBatch(absl::Span<const PageMove> batch, int64_t pages_per_move);
  // Counts those of `rest` that came along with a huge page; returns the others.
  std::vector<PageMove> WithoutFollowers(absl::Span<const PageMove> rest);
  // Counts the stuck pages of a window, by where they are at its end.
  void CountStuck();
  // Base pages that a node can take without touching its reserve; 0 also if it cannot be read.
  int64_t RoomOn(NodeId target) const;
  // How many of `moves` fit into `room` base pages, the first ones first, if each brings along the
  // huge page that it may be part of.
  size_t CountThatFits(absl::Span<const PageMove> moves, int64_t room) const;
  // How much that is, for people.
  std::string RoomWords(NodeId target) const;
  // Nothing more goes to `target`; ends the move if there is no other.
  void NoRoomOn(NodeId target, const std::string& message);
  void StopFor(const BatchResult& batch, NodeId target);
  void Stop(MigrationReason reason, PageOutcome outcome_of_rest, std::string message);
  void Count(PageOutcome outcome, int64_t pages);

  const MigrationSpec& spec_;
  const Topology& topology_;
  NodeRoom& room_;
  const ProcessHandle process_;
  const NodeSet target_nodes_;
  const NodeMap targets_;
  const TopologyReader topology_reader_;
  const int64_t huge_bytes_;
  const PageScanner scanner_;
  const PageMover mover_;
  WorkloadMigration& result_;
  MigrationObserver& observer_;

  // A page that was tried and did not move. If it is part of a huge page, it may yet come along
  // when another page of that is tried.
  struct StuckPage {
    PageMove move;
    PageOutcome outcome;
  };

  BatchSize batch_size_;
  std::vector<StuckPage> stuck_;  // of the current window
  PageCounts found_;              // by Scan
  OutcomeCounts counts_;          // of this process only
  bool vanished_ = false;
  bool lacked_room_ = false;  // on some target
  MigrationReason stop_ = MigrationReason::kNone;
  PageOutcome outcome_of_rest_ = PageOutcome::kNotAttempted;
  std::string message_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_PROCESS_MIGRATION_H_
