// One migration of one workload, from first scan to verification, on the calling thread and, with
// limits.workers, further ones that end with it. The agent runs it on a worker thread;
// numa-migrate runs it in main.
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

// Who watches a run, and may stop it. Called on the threads of the run, one call at a time.
class MigrationObserver {
 public:
  virtual ~MigrationObserver() = default;

  // Asked before each batch and each window of a scan: kNone to go on; kCancelled ends the run,
  // kDeadline its moving.
  virtual MigrationReason StopReason() = 0;

  // Worker `worker` (from 0) hands a batch of about `pages` base pages of `pid` to the kernel; and
  // has it back.
  virtual void OnBatch(int worker, pid_t pid, int64_t pages) = 0;
  virtual void OnBatchEnd(int worker) = 0;

  // The counts or the state have changed.
  virtual void OnProgress(const WorkloadMigration& result) = 0;
};

// Only scans: `before`, `pages_planned`, the targets and the numbers of processes; moves nothing.
// State PENDING; a reason and message if the migration could not go ahead.
WorkloadMigration PlanWorkload(const EngineContext& context, const Workload& workload,
                               const WorkloadProcesses& processes, const MigrationSpec& spec,
                               MigrationObserver& observer);

// Moves the misplaced pages of the processes of `workload` to each one's target, verifies
// by looking again, and returns the result in a final state. Pages that the first scan found and
// the move never reached are counted too: every page considered has exactly one outcome.
WorkloadMigration MoveWorkload(const EngineContext& context, const Workload& workload,
                               const WorkloadProcesses& processes, const MigrationSpec& spec,
                               MigrationObserver& observer);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_WORKLOAD_MOVER_H_
