// What the workers of a run have done so far, in one place, and whether they are to go on.
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

// Pages that went from one node to another.
using PageFlows = std::map<std::pair<NodeId, NodeId>, int64_t>;

// What one worker did in one batch, or in one look.
struct MoveTally {
  OutcomeCounts outcomes;
  PageFlows flows;  // of those moved
  CallTimes calls;
  CallTimes holds;
  int64_t unheld_batches = 0;
  int64_t huge_pages_moved = 0;
  int64_t huge_pages_split = 0;
  absl::Duration bandwidth_wait;
  absl::Duration pressure_wait;
};

// Thread-safe. Calls the observer one call at a time.
class MoveLedger {
 public:
  MoveLedger(WorkloadMigration& result, MigrationObserver& observer)
      : result_(result), observer_(observer) {}

  // kNone to go on. Once it has said something else, it never says that again.
  MigrationReason StopReason();

  void BatchBegins(int worker, pid_t pid, int64_t pages);
  void BatchEnds(int worker);

  // Once so many pages have moved, StopReason is kEnough.
  void StopAfter(int64_t moved_pages);

  // Adds to the result, and shows it to the observer.
  void Add(const MoveTally& tally);
  // Changes the result in any other way, and shows it to the observer.
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
