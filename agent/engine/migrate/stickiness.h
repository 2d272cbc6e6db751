// Keeps memory where it was moved: the container's cpuset.mems, set through its runtime, is widened
// by the target nodes before the move and narrowed to them after it.
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

// Checks whether the workload can be made to stick; OK for a request that does not stick. `runtime`
// may be null. FAILED_PRECONDITION without a runtime, for a workload that is no container, if the
// cpuset controller is not enabled, and before Linux 6.7 unless request.stick_on_old_kernels: when
// cpuset.mems is narrowed, the kernel itself moves the remaining pages, shared ones too, and before
// 6.7 the workload can neither map nor fault a page meanwhile. INVALID_ARGUMENT for a part of the
// address space: a cpuset applies to all of it.
absl::Status CheckSticky(const EngineContext& context, const ContainerResources* runtime,
                         const Workload& workload, const MigrationRequest& request);

// What sticking would do to cpuset.mems, and what the kernel would then move by itself, as
// stick_note of `plan`, which moves nothing; reason NOT_STICKY with a message if MoveAndStick would
// refuse that.
void PlanStick(const EngineContext& context, const Workload& workload,
               const MigrationRequest& request, absl::FunctionRef<bool()> is_cancelled,
               WorkloadMigration& plan);

// Counts what the kernel will move by itself: mapped memory of kinds that the request does not move
// (files, hugetlb pages), on nodes that cpuset.mems will not allow any more. If that takes hugetlb
// pools of the target or does not fit above its reserve, the result is FAILED, NOT_STICKY, unless
// request.force_stick. Otherwise widens cpuset.mems by the target nodes, calls `move`, which moves
// the memory, and returns its result. If that is SUCCEEDED, narrows cpuset.mems to the target and
// checks for 11 s that it stays; otherwise restores the previous value. If others write to it
// meanwhile, it is overwritten once; if they write again, their value stays and the result is
// PARTIAL, NOT_STICKY. stick_note says what was done. An agent that dies in between leaves the
// widened set, which forbids nothing.
WorkloadMigration MoveAndStick(const EngineContext& context, ContainerResources& runtime,
                               const Workload& workload, const MigrationRequest& request,
                               MigrationObserver& observer,
                               absl::FunctionRef<WorkloadMigration()> move);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MIGRATE_STICKINESS_H_
