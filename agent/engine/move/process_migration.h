// One process's part of a migration: which pages are where, which of them move, and their outcomes.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_PROCESS_MIGRATION_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_PROCESS_MIGRATION_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/base/mutex.h"
#include "agent/engine/context.h"
#include "agent/engine/move/move_ledger.h"
#include "agent/engine/move/stuck_memory.h"
#include "agent/model/migration.h"
#include "agent/model/migration_plan.h"
#include "agent/model/topology.h"
#include "agent/os/base/read_budget.h"
#include "agent/os/pages/page_scanner.h"
#include "agent/os/process/process_handle.h"

namespace numalocality {

// For people: why a migration to nodes that went offline ends.
std::string NodeGoneMessage(const NodeSet& nodes);

// Of a workload with more processes only the first ones move: each takes two open files, which are
// memory of the kernel that counts as the agent's.
inline constexpr size_t kMostProcesses = 5000;

// The nodes that a process's memory should be on: the targets of the spec or, without any, the home
// nodes of the CPUs that its threads may run on, as far as its cpuset allows them.
// FAILED_PRECONDITION with both masks if the cpuset forbids a target node, or every home node;
// RESOURCE_EXHAUSTED if its threads exceed the budget.
absl::StatusOr<NodeSet> TargetNodes(const EngineContext& context, const ProcessHandle& process,
                                    const MigrationSpec& spec, const Topology& topology,
                                    ReadBudget& budget);

// For each memory kind, the node of all pages added so far, if it is one node.
class NodesSeen {
 public:
  void Add(const NodesSeen& other);
  void Add(MemoryKind kind, NodeId node);
  // The kinds whose pages are all on one node.
  ExpectedNodes Uniform() const;

 private:
  static constexpr NodeId kSeveral{-2};
  std::array<NodeId, kMemoryKindCount> nodes_;
};

// A range of addresses with misplaced pages.
struct MemorySegment {
  AddressRange range;
  NodesSeen nodes;  // of all its pages: the second scan of uniform kinds only takes samples
  NodeId target;    // of most misplaced pages at its beginning
  int64_t misplaced_pages = 0;
  int64_t settled_pages = 0;  // on targets that are not sources: these pages are not considered
};

// Call Scan first; then worker threads move pages and call Add, LackRoom and Stop; then call
// CountRest, and Verify any number of times. Methods that worker threads call are thread-safe, as
// stated there; all others are for one thread, while no worker runs.
class ProcessMigration {
 public:
  // All references must outlive this. `stuck`: of its workload. `targets`: by source node, where
  // its pages move.
  ProcessMigration(const EngineContext& context, const MigrationSpec& spec,
                   const Topology& topology, StuckWorkload& stuck, ProcessHandle process,
                   NodeMap targets);

  // Counts pages by node and divides the memory with misplaced pages into segments of about
  // `segment_pages` misplaced pages. Kinds that are `expected` to be on one node are sampled.
  // `budget` is for the mappings of all processes. NOT_FOUND if the process is gone,
  // PERMISSION_DENIED if the kernel refuses, RESOURCE_EXHAUSTED if its mappings exceed
  // kRequestLimits or the budget, CANCELLED if `must_stop`, which is asked after each window,
  // returns true.
  absl::Status Scan(int64_t segment_pages, const ExpectedNodes& expected, ReadBudget& budget,
                    absl::FunctionRef<bool()> must_stop);

  const ProcessHandle& handle() const { return process_; }
  const PageScanner& scanner() const { return scanner_; }
  const PageSizes& page_sizes() const { return sizes_; }
  const NodeMap& targets() const { return targets_; }
  // Pages of a window that must move.
  int64_t CountMisplaced(absl::Span<const PageSpan> spans) const;
  // Pages of a window that are on targets which are not sources.
  int64_t CountSettled(absl::Span<const PageSpan> spans) const;
  // Results of Scan.
  const MemoryByNode& memory_before() const { return memory_before_; }
  int64_t misplaced_pages() const { return misplaced_pages_; }
  int64_t examined_pages() const { return misplaced_pages_ + in_place_pages_; }
  const std::vector<MemorySegment>& segments() const { return segments_; }

  struct KnownMappings {
    std::vector<Mapping> mappings;
    absl::Duration old_at;  // monotonic; must be read again then, as mappings change
  };
  // The process's mappings, from a read that ended at most 5 s ago: with tens of thousands of
  // mappings a read takes longer than moving a segment. Thread-safe. NOT_FOUND if the process has
  // no memory, CANCELLED once `must_stop`.
  absl::StatusOr<std::shared_ptr<const KnownMappings>> Mappings(
      absl::FunctionRef<bool()> must_stop);

  // Call once nothing of it moves any more: thousands of processes may have thousands each.
  void ForgetMappings();

  // Whether the process was seen to map something else over shared memory that moves. Between the
  // last look and the kernel's call it could do so again, so its other shared pages stay.
  // Thread-safe.
  bool replaces_mappings() const { return replaces_mappings_; }
  void SetReplacesMappings() { replaces_mappings_ = true; }

  // Whether nothing of its memory moves; thread-safe.
  StuckMemory& stuck() { return stuck_; }

  // Segments that no worker has finished; thread-safe.
  int open_segments() const;
  // Returns true for the last one.
  bool CloseSegment();

  // Pages moved so far; thread-safe.
  PageFlows flows() const;

  // For worker threads: report counts, a target without room, or why the process's migration ends.
  // Thread-safe. The first Stop counts.
  void Add(const MoveTally& tally);
  void LackRoom(const std::string& message);
  void Stop(MigrationReason reason, PageOutcome outcome_of_rest, const std::string& message);
  bool stopped() const;

  // Counts the pages that Scan found and no worker has reported, after all workers have ended:
  // pages in place as kAlreadyThere, the others with the outcome that was given to Stop.
  MoveTally CountRest();

  // Why the migration of this process ended early; kNone if it did not, whatever the outcomes. The
  // message is for people. Thread-safe, as is vanished.
  MigrationReason reason() const;
  std::string message() const;
  // Whether the process is known to have exited; its PID may belong to another process now.
  bool vanished() const;

  // Scans again and adds the result to `verification`. Errors as Scan.
  absl::Status Verify(Verification& verification, ReadBudget& budget,
                      absl::FunctionRef<bool()> is_cancelled);

 private:
  // Takes in one window of the first scan.
  void AddWindow(absl::Span<const PageSpan> spans, int64_t segment_pages);
  absl::Status ScanAll(const ExpectedNodes& expected, ReadBudget& budget,
                       absl::FunctionRef<bool()> must_stop, WindowVisitor visit);
  int64_t CountDrifted(const MemoryByNode& now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  const MigrationSpec& spec_;
  const ProcessHandle process_;
  const NodeMap targets_;
  const PageScanner scanner_;
  const PageSizes sizes_;

  // Results of Scan. "After" means after the end of the last segment so far.
  MemoryByNode memory_before_;
  int64_t misplaced_pages_ = 0;
  int64_t in_place_pages_ = 0;
  int64_t in_place_outside_ = 0;  // those of in_place_pages_ that are in no segment
  int64_t in_place_after_ = 0;    // those of in_place_outside_ that come after
  int64_t settled_after_ = 0;     // see MemorySegment
  NodesSeen nodes_after_;
  std::vector<MemorySegment> segments_;

  StuckMemory stuck_;
  std::atomic<bool> replaces_mappings_ = false;

  mutable Mutex mutex_;
  std::shared_ptr<const KnownMappings> mappings_ ABSL_GUARDED_BY(mutex_);  // null before the first
  int closed_segments_ ABSL_GUARDED_BY(mutex_) = 0;
  OutcomeCounts counts_ ABSL_GUARDED_BY(mutex_);
  PageFlows flows_ ABSL_GUARDED_BY(mutex_);
  MigrationReason stop_ ABSL_GUARDED_BY(mutex_) = MigrationReason::kNone;
  PageOutcome outcome_of_rest_ ABSL_GUARDED_BY(mutex_) = PageOutcome::kNotAttempted;
  bool lacked_room_ ABSL_GUARDED_BY(mutex_) = false;
  std::string message_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_PROCESS_MIGRATION_H_
