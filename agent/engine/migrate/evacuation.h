// Gathers what the plan of an evacuation is made of.
#ifndef NUMALOCALITY_AGENT_ENGINE_MIGRATE_EVACUATION_H_
#define NUMALOCALITY_AGENT_ENGINE_MIGRATE_EVACUATION_H_

#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/engine/context.h"
#include "agent/model/evacuation_plan.h"

namespace numalocality {

// The containers with at least this much on the node; less is a sandbox, or not worth a
// disturbance.
inline constexpr int64_t kLeastOccupantBytes = int64_t{1} << 20;

// What each memory node can take without touching its reserve, now.
absl::StatusOr<std::map<NodeId, int64_t>> ReadRoom(const EngineContext& context,
                                                   const Topology& topology);

// Takes off the pages that a scan has planned for one workload of an evacuation what will stay:
// what is shared, and what does not fit into the room that those before it have left, `room_bytes`.
void FitPlan(const EngineContext& context, const MigrationRequest& request,
             const Topology& topology, std::map<NodeId, int64_t>& room_bytes,
             WorkloadMigration& planned);

// The moves that `evacuation` consists of; see PlanEvacuation. Where it is to free so much and no
// more, what processes share does not count, unless `spec` moves that, too. INVALID_ARGUMENT for a
// node without memory, or targets that are none; FAILED_PRECONDITION if there is no other node.
absl::StatusOr<std::vector<PlannedMove>> FindEvacuation(const EngineContext& context,
                                                        const Evacuation& evacuation,
                                                        const MigrationSpec& spec);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MIGRATE_EVACUATION_H_
