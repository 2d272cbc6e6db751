// Finds the workloads that the evacuation of a node moves, and the room for them.
#ifndef NUMALOCALITY_AGENT_ENGINE_MIGRATE_EVACUATION_H_
#define NUMALOCALITY_AGENT_ENGINE_MIGRATE_EVACUATION_H_

#include <map>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/engine/context.h"
#include "agent/model/evacuation_plan.h"

namespace numalocality {

// Containers with less memory on the node stay: they are sandboxes, or not worth the disturbance.
inline constexpr int64_t kLeastOccupantBytes = int64_t{1} << 20;

// How long FindEvacuation looks for shared memory, in all containers together: each may take as
// long as kPeriodicLimits permits, and a caller waits.
inline constexpr absl::Duration kLongestMeasurement = absl::Seconds(20);

// Bytes that each memory node can take now without touching its reserve.
absl::StatusOr<std::map<NodeId, int64_t>> ReadRoom(const EngineContext& context,
                                                   const Topology& topology);

// Reduces planned.pages_planned of one workload of an evacuation by pages that will stay: shared
// pages, and pages that do not fit into `room_bytes`, the room that the workloads before it have
// left. Takes what is planned out of `room_bytes`. Once `is_cancelled`, counts no page as shared.
void FitPlan(const EngineContext& context, const MigrationRequest& request,
             const Topology& topology, absl::FunctionRef<bool()> is_cancelled,
             std::map<NodeId, int64_t>& room_bytes, WorkloadMigration& planned);

// The moves that request.evacuation consists of; see PlanEvacuation. If it ends at free_bytes,
// memory that processes share does not count, unless the request moves it, or looking for it has
// taken kLongestMeasurement. Protected workloads stay, unless request.override_protection.
// INVALID_ARGUMENT if the node or a target has no memory, or the node is a target;
// FAILED_PRECONDITION if there is no other node with memory; CANCELLED once `is_cancelled`, which
// is asked between reads.
absl::StatusOr<std::vector<PlannedMove>> FindEvacuation(const EngineContext& context,
                                                        const Topology& topology,
                                                        const MigrationRequest& request,
                                                        absl::FunctionRef<bool()> is_cancelled);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MIGRATE_EVACUATION_H_
