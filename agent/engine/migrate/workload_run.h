// One workload's part of a migration, from listing its processes to the result.
#ifndef NUMALOCALITY_AGENT_ENGINE_MIGRATE_WORKLOAD_RUN_H_
#define NUMALOCALITY_AGENT_ENGINE_MIGRATE_WORKLOAD_RUN_H_

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "agent/engine/context.h"
#include "agent/engine/move/workload_mover.h"
#include "agent/engine/workload/container_resources.h"
#include "agent/model/migration.h"

namespace numalocality {

// Moves the memory of `planned.workload` as `request` has it, on the calling thread, and returns
// the result in a final state; in an evacuation to planned.target_nodes. `runtime` may be null
// where the request does not stick.
WorkloadMigration MigrateWorkload(const EngineContext& context, ContainerResources* runtime,
                                  const WorkloadMigration& planned, const MigrationRequest& request,
                                  MigrationObserver& observer);

// What that would move, without moving it. NOT_FOUND if the workload is gone. Gives up when
// `is_cancelled` says so.
absl::StatusOr<WorkloadMigration> PlanWorkload(const EngineContext& context,
                                               const WorkloadMigration& planned,
                                               const MigrationRequest& request,
                                               absl::FunctionRef<bool()> is_cancelled);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MIGRATE_WORKLOAD_RUN_H_
