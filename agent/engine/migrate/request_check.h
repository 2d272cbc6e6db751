// What a request for a migration means on this machine, and whether it can be done at all.
#ifndef NUMALOCALITY_AGENT_ENGINE_MIGRATE_REQUEST_CHECK_H_
#define NUMALOCALITY_AGENT_ENGINE_MIGRATE_REQUEST_CHECK_H_

#include <vector>

#include "absl/status/statusor.h"
#include "agent/engine/context.h"
#include "agent/engine/workload/container_resources.h"
#include "agent/model/migration.h"
#include "agent/model/workload.h"

namespace numalocality {

// What one request may name; each costs a walk through the cgroups.
inline constexpr size_t kMaxSelectors = 100;

// The workloads that `request` names, or that its evacuation consists of with their target nodes:
// at least one, none of them without processes, no two that overlap. Moves nothing. `runtime` may
// be null. Errors: INVALID_ARGUMENT and FAILED_PRECONDITION as CheckSpec, CheckAllowed and
// CheckSticky have them, and FAILED_PRECONDITION without CAP_SYS_NICE for shared pages; NOT_FOUND
// for a workload that is not there.
absl::StatusOr<std::vector<WorkloadMigration>> ResolveRequest(const EngineContext& context,
                                                              ContainerResources* runtime,
                                                              const MigrationRequest& request);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MIGRATE_REQUEST_CHECK_H_
