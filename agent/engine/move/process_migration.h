// The part of a migration that concerns one process: what is where, what is to move, and what has
// become of it.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_PROCESS_MIGRATION_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_PROCESS_MIGRATION_H_

#include <array>
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
#include "agent/model/migration.h"
#include "agent/model/migration_plan.h"
#include "agent/model/topology.h"
#include "agent/os/pages/page_scanner.h"
#include "agent/os/process/process_handle.h"

namespace numalocality {

// The nodes that a process's memory should be on: the targets of the spec, or the home nodes of the
// CPUs its threads may run on as far as its cpuset allows them. FAILED_PRECONDITION with both masks
// if the cpuset forbids a target node, or every home node.
absl::StatusOr<NodeSet> TargetNodes(const EngineContext& context, const ProcessHandle& process,
                                    const MigrationSpec& spec, const Topology& topology);

// By kind, the node of all pages seen so far.
class NodesSeen {
 public:
  void Add(const NodesSeen& other);
  void Add(MemoryKind kind, NodeId node);
  // Kinds whose pages are all on one node.
  ExpectedNodes Uniform() const;

 private:
  static constexpr NodeId kSeveral{-2};
  std::array<NodeId, kMemoryKindCount> nodes_;
};

// Addresses with misplaced pages.
struct MemorySegment {
  AddressRange range;
  NodesSeen nodes;  // of its pages, misplaced or not: where they need not be asked for again
  NodeId target;    // where most of the misplaced pages of its beginning go
  int64_t misplaced_pages = 0;
  // On targets that are not sources themselves, so that nothing was wanted of them.
  int64_t settled_pages = 0;
};

// Scan first; then any threads move and Add; then CountRest, and Verify as often as wanted.
class ProcessMigration {
 public:
  // All references outlive this. `targets`: where the process's memory belongs.
  ProcessMigration(const EngineContext& context, const MigrationSpec& spec,
                   const Topology& topology, ProcessHandle process, NodeMap targets);

  // Counts what is where, and cuts what is to move into segments of about `segment_pages`
  // misplaced pages. Of what is `expected` to be on one node, samples are asked for. NOT_FOUND if
  // the process is gone, PERMISSION_DENIED if the kernel refuses, CANCELLED if `is_cancelled` says
  // so.
  absl::Status Scan(int64_t segment_pages, const ExpectedNodes& expected,
                    absl::FunctionRef<bool()> is_cancelled);

  const ProcessHandle& handle() const { return process_; }
  const PageScanner& scanner() const { return scanner_; }
  const PageSizes& page_sizes() const { return sizes_; }
  const NodeMap& targets() const { return targets_; }
  // Pages of a window that are to be moved.
  int64_t CountMisplaced(absl::Span<const PageSpan> runs) const;
  // Pages of a window that are on targets which are not sources.
  int64_t CountSettled(absl::Span<const PageSpan> runs) const;
  // By Scan.
  const MemoryByNode& memory_before() const { return memory_before_; }
  int64_t misplaced_pages() const { return misplaced_pages_; }
  int64_t examined_pages() const { return misplaced_pages_ + in_place_pages_; }
  const std::vector<MemorySegment>& segments() const { return segments_; }

  struct KnownMappings {
    std::vector<Mapping> mappings;
    absl::Duration old_at;  // monotonic; read anew then, as others may come to be there
  };
  // What the process has mapped, read at most 5 s ago: with tens of thousands of mappings a read
  // takes longer than to move a segment. Thread-safe. NOT_FOUND if the process has no memory.
  absl::StatusOr<std::shared_ptr<const KnownMappings>> Mappings();

  // Segments that nobody has gone through; thread-safe.
  int open_segments() const;
  void CloseSegment();

  // Where pages have gone so far; thread-safe.
  PageFlows flows() const;

  // What the moving threads report; thread-safe. Of several Stops the first stands.
  void Add(const MoveTally& tally);
  void LackRoom(const std::string& message);
  void Stop(MigrationReason reason, PageOutcome outcome_of_rest, const std::string& message);
  bool stopped() const;

  // Books the pages that Scan found and no one has reported since, once nobody moves any more:
  // those in place as such, the others with the outcome that fits the reason for stopping.
  MoveTally CountRest();

  // Why not all was moved; kNone if it went through, whatever the outcomes. And for people.
  MigrationReason reason() const;
  std::string message() const;
  // Known to have exited, or its PID to name another process.
  bool vanished() const;

  // Counts what is where now, and adds it to `verification`. Errors as Scan.
  absl::Status Verify(Verification& verification, absl::FunctionRef<bool()> is_cancelled);

 private:
  // Pages found by one window of the first scan.
  void AddWindow(absl::Span<const PageSpan> runs, int64_t segment_pages);
  absl::Status ScanAll(const ExpectedNodes& expected, absl::FunctionRef<bool()> is_cancelled,
                       WindowVisitor visit);
  int64_t CountDrifted(const MemoryByNode& now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  const MigrationSpec& spec_;
  const ProcessHandle process_;
  const NodeMap targets_;
  const PageScanner scanner_;
  const PageSizes sizes_;

  // By Scan.
  MemoryByNode memory_before_;
  int64_t misplaced_pages_ = 0;
  int64_t in_place_pages_ = 0;
  int64_t in_place_outside_ = 0;  // of these, those that no segment covers
  int64_t in_place_behind_ = 0;   // of these, those behind the last segment so far
  int64_t settled_behind_ = 0;    // see MemorySegment; behind the last segment so far
  NodesSeen nodes_behind_;        // their nodes
  std::vector<MemorySegment> segments_;

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
