// The account of one workload's migration that all its workers share: what they have done so far,
// and whether they must stop.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_MOVE_LEDGER_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_MOVE_LEDGER_H_

#include <cstdint>
#include <limits>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "agent/base/mutex.h"
#include "agent/engine/move/workload_mover.h"
#include "agent/model/migration.h"

namespace numalocality {

// Pages that were moved, by source and target node.
using PageFlows = std::map<std::pair<NodeId, NodeId>, int64_t>;

// What one worker has counted since it last reported.
struct MoveTally {
  OutcomeCounts outcomes;
  PageFlows flows;  // of the moved pages
  CallTimes calls;
  CallTimes holds;
  int64_t unheld_batches = 0;
  int64_t huge_pages_moved = 0;
  int64_t huge_pages_split = 0;
  absl::Duration bandwidth_wait;
  absl::Duration pressure_wait;
};

// Thread-safe. Calls the observer under its lock, one call at a time.
class MoveLedger {
 public:
  MoveLedger(WorkloadMigration& result, MigrationObserver& observer)
      : result_(result), observer_(observer) {}

  // kNone to go on. After it has returned another reason, it never returns kNone again.
  MigrationReason StopReason();

  // Pass a batch on to the observer.
  void BatchBegins(int worker, pid_t pid, int64_t pages);
  void BatchEnds(int worker);

  // Makes StopReason return kEnough once this many pages have moved.
  void StopAfter(int64_t moved_pages);

  // Adds to the result, and reports it to the observer.
  void Add(const MoveTally& tally);
  // Changes the result in any other way, and reports it to the observer.
  void Update(absl::FunctionRef<void(WorkloadMigration&)> change);

 private:
  Mutex mutex_;
  WorkloadMigration& result_ ABSL_GUARDED_BY(mutex_);
  MigrationObserver& observer_ ABSL_GUARDED_BY(mutex_);
  int64_t enough_pages_ ABSL_GUARDED_BY(mutex_) = std::numeric_limits<int64_t>::max();
  MigrationReason stop_ ABSL_GUARDED_BY(mutex_) = MigrationReason::kNone;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_MOVE_LEDGER_H_
