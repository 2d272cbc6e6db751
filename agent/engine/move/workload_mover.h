// The migration of one workload, from the first scan to the last verification. It works on the
// calling thread and, if limits.workers is above 1, on further threads that end with it. The agent
// calls it on a thread of the Migrator, numa-migrate on its main thread.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_WORKLOAD_MOVER_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_WORKLOAD_MOVER_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/engine/context.h"
#include "agent/engine/workload/workload_finder.h"
#include "agent/model/migration.h"
#include "agent/model/topology.h"
#include "agent/os/base/host.h"
#include "agent/os/base/kernel_calls.h"

namespace numalocality {

// Follows the progress of a migration, and can stop it. Called on all threads of the migration, one
// call at a time.
class MigrationObserver {
 public:
  virtual ~MigrationObserver() = default;

  // Called before each batch and after each window of a scan. Returns kNone to go on, kCancelled to
  // end the migration, kDeadline to end the first scan and the moving, and to verify what was
  // moved.
  virtual MigrationReason StopReason() = 0;

  // Worker `worker` (from 0) begins the kernel call for a batch of about `pages` base pages of
  // `pid`; the call has returned.
  virtual void OnBatch(int worker, pid_t pid, int64_t pages) = 0;
  virtual void OnBatchEnd(int worker) = 0;

  // The counts or the state have changed.
  virtual void OnProgress(const WorkloadMigration& result) = 0;
};

// Scans without moving anything, and returns `before`, `pages_planned`, the targets and the numbers
// of processes. The state is PENDING; reason and message are set if a migration would fail.
WorkloadMigration PlanWorkload(const EngineContext& context, const Workload& workload,
                               const WorkloadProcesses& processes, const MigrationSpec& spec,
                               MigrationObserver& observer);

// Moves the misplaced pages of the workload's processes to the target of each process, verifies the
// result by another scan, and returns it in a final state. Every page that was considered has
// exactly one outcome, also pages that were found by the first scan and never tried.
WorkloadMigration MoveWorkload(const EngineContext& context, const Workload& workload,
                               const WorkloadProcesses& processes, const MigrationSpec& spec,
                               MigrationObserver& observer);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_WORKLOAD_MOVER_H_
