// Admission of a request for a migration: resolves what it means on this machine, and checks
// whether it can be done at all.
#ifndef NUMALOCALITY_AGENT_ENGINE_MIGRATE_ADMISSION_H_
#define NUMALOCALITY_AGENT_ENGINE_MIGRATE_ADMISSION_H_

#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "agent/engine/context.h"
#include "agent/engine/workload/container_resources.h"
#include "agent/model/access.h"
#include "agent/model/migration.h"
#include "agent/model/topology.h"

namespace numalocality {

// Selectors that one request may have; each costs a walk through the cgroups.
inline constexpr size_t kMaxSelectors = 100;

// An admitted request. Valid for the moment: processes, free memory and cpusets change before the
// migration begins, so the worker that carries it out lists and reads them again.
struct Admission {
  Topology topology;
  // At least one, none without processes, no two that overlap; of an evacuation with their target
  // nodes.
  std::vector<WorkloadMigration> workloads;
};

// Moves nothing. `runtime` may be null. Errors: PERMISSION_DENIED if `access` does not allow it;
// INVALID_ARGUMENT and FAILED_PRECONDITION as
// CheckSpec, CheckAllowed, CheckSticky, CheckNotProtected and FindEvacuation return them, and
// FAILED_PRECONDITION without CAP_SYS_NICE for shared pages; NOT_FOUND for a workload that does not
// exist or has no process; RESOURCE_EXHAUSTED if the processes of all workloads together exceed
// kRequestLimits; CANCELLED once `is_cancelled`, which is asked between reads.
absl::StatusOr<Admission> Admit(const EngineContext& context, ContainerResources* runtime,
                                const MigrationRequest& request, const Access& access,
                                absl::FunctionRef<bool()> is_cancelled);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MIGRATE_ADMISSION_H_
