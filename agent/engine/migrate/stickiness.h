// Memory that stays where it was moved: the container's cpuset.mems, set through its runtime,
// allows the target before the move and nothing else after it.
#ifndef NUMALOCALITY_AGENT_ENGINE_MIGRATE_STICKINESS_H_
#define NUMALOCALITY_AGENT_ENGINE_MIGRATE_STICKINESS_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "agent/engine/context.h"
#include "agent/engine/move/workload_mover.h"
#include "agent/engine/workload/container_resources.h"
#include "agent/model/migration.h"
#include "agent/model/workload.h"

namespace numalocality {

// Whether the workload can be made to stick; OK for a request without that. `runtime` may be null.
// FAILED_PRECONDITION without a runtime, for what is no container, where the cpuset controller is
// not enabled, and before Linux 6.7 unless request.stick_on_old_kernels: each narrowing makes the
// kernel move what was left by itself, shared pages too, and before 6.7 the workload can neither
// map nor fault a page meanwhile. INVALID_ARGUMENT for a part of the address space: a cpuset knows
// none.
absl::Status CheckSticky(const EngineContext& context, const ContainerResources* runtime,
                         const Workload& workload, const MigrationRequest& request);

// Widens cpuset.mems by the target, calls `run`, which moves the memory, and returns its result. If
// that is SUCCEEDED, narrows cpuset.mems to the target and watches for a while that it stays so;
// otherwise puts it back. What others write meanwhile is overwritten once; when they do it again,
// they have their way, and the result says so: PARTIAL, NOT_STICKY. What was done is in stick_note.
// An agent that dies in between leaves the wide set behind, which forbids nothing.
WorkloadMigration RunSticky(const EngineContext& context, ContainerResources& runtime,
                            const Workload& workload, const MigrationRequest& request,
                            MigrationObserver& observer,
                            absl::FunctionRef<WorkloadMigration()> run);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MIGRATE_STICKINESS_H_
