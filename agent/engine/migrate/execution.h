// Carries out one workload's part of an admitted migration, or plans it: lists its processes, then
// moves or scans them.
#ifndef NUMALOCALITY_AGENT_ENGINE_MIGRATE_EXECUTION_H_
#define NUMALOCALITY_AGENT_ENGINE_MIGRATE_EXECUTION_H_

#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "agent/engine/context.h"
#include "agent/engine/migrate/admission.h"
#include "agent/engine/move/workload_mover.h"
#include "agent/engine/workload/container_resources.h"
#include "agent/model/migration.h"

namespace numalocality {

// Moves the memory of `admitted.workload` as `request` asks, on the calling thread, and returns the
// result in a final state; in an evacuation to admitted.target_nodes. `runtime` may be null if the
// request does not stick. A repair ends at once, with kUnderPressure, if its workload is under
// pressure.
WorkloadMigration MigrateWorkload(const EngineContext& context, ContainerResources* runtime,
                                  const WorkloadMigration& admitted,
                                  const MigrationRequest& request, MigrationObserver& observer);

// What MigrateWorkload would move of each workload, without moving it; in an evacuation, in turn
// and within the room that the workloads before have left. NOT_FOUND if a workload is gone,
// CANCELLED once `is_cancelled` returns true.
absl::StatusOr<std::vector<WorkloadMigration>> PlanMigration(
    const EngineContext& context, const Admission& admission, const MigrationRequest& request,
    absl::FunctionRef<bool()> is_cancelled);

// Fills in what a repair has left, measured by the counters that the repair was decided by. Stays
// as it is if the workload is gone.
void MeasureRepair(const EngineContext& context, const Workload& workload,
                   RepairEstimate& estimate);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MIGRATE_EXECUTION_H_
