// In which order, and where to, workloads leave a node that is to be freed. Pure.
#ifndef NUMALOCALITY_AGENT_MODEL_EVACUATION_PLAN_H_
#define NUMALOCALITY_AGENT_MODEL_EVACUATION_PLAN_H_

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "agent/model/id_set.h"
#include "agent/model/migration.h"
#include "agent/model/topology.h"
#include "agent/model/workload.h"

namespace numalocality {

// A workload with memory on the node.
struct Occupant {
  Workload workload;
  int64_t bytes = 0;      // there, as far as it moves
  NodeSet allowed_nodes;  // cpuset.mems
};

struct PlannedMove {
  Workload workload;
  int64_t bytes = 0;
  std::optional<NodeId> target;  // nullopt: cpuset.mems allow it no other node
};

// The moves that free `evacuation.node`, in order: BestEffort first, Guaranteed last, and among
// equals the largest first. Each goes as a whole to the nearest node with room for it or, if there
// is none, to the one with most room. Ends when free_bytes are free. Workloads that cannot move are
// named, too. `room_bytes`: what each node can take.
std::vector<PlannedMove> PlanEvacuation(const Evacuation& evacuation, const Topology& topology,
                                        std::vector<Occupant> occupants,
                                        std::map<NodeId, int64_t> room_bytes);

// Takes off the pages planned what several processes share, and names it: `unshared_fraction` of
// them move.
void LeaveShared(double unshared_fraction, int64_t page_bytes, WorkloadMigration& planned);

// Takes off the pages planned what does not fit on their target, with reason NO_ROOM, and off
// `room_bytes` what does: one workload after the other, in the order in which they move.
void FitRoom(std::map<NodeId, int64_t>& room_bytes, int64_t page_bytes, WorkloadMigration& planned);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_EVACUATION_PLAN_H_
