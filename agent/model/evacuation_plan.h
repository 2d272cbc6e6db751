// Plans an evacuation: the order in which workloads leave a node, and their targets. Pure.
#ifndef NUMALOCALITY_AGENT_MODEL_EVACUATION_PLAN_H_
#define NUMALOCALITY_AGENT_MODEL_EVACUATION_PLAN_H_

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "agent/model/id_set.h"
#include "agent/model/migration.h"
#include "agent/model/topology.h"
#include "agent/model/workload.h"

namespace numalocality {

// A workload with memory on the node.
struct Occupant {
  Workload workload;
  int64_t bytes = 0;                           // on the node, of the kinds that move
  NodeSet allowed_nodes;                       // cpuset.mems
  absl::Status protection = absl::OkStatus();  // an error, with its rule, if it must stay
};

struct PlannedMove {
  Workload workload;
  int64_t bytes = 0;
  std::optional<NodeId> target;  // nullopt: its cpuset.mems allows no other node, or ...
  absl::Status protection = absl::OkStatus();  // ... it is protected
};

// The moves that free `evacuation.node`, in order: BestEffort first, Guaranteed last, and within a
// class the largest workload first. Each workload goes as a whole to the nearest node with room for
// it or, if there is none, to the one with the most room. The plan ends when free_bytes are free.
// It includes workloads that cannot move. `room_bytes`: what each node can take.
std::vector<PlannedMove> PlanEvacuation(const Evacuation& evacuation, const Topology& topology,
                                        std::vector<Occupant> occupants,
                                        std::map<NodeId, int64_t> room_bytes);

// Removes shared pages from the pages planned, so that `unshared_fraction` of them remain, and adds
// a message that says so.
void LeaveShared(double unshared_fraction, int64_t page_bytes, WorkloadMigration& planned);

// Removes pages that do not fit on their target from the pages planned, with reason NO_ROOM, and
// takes the room for the others from `room_bytes`. To be called for one workload after the other,
// in the order in which they move.
void FitRoom(std::map<NodeId, int64_t>& room_bytes, int64_t page_bytes, WorkloadMigration& planned);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_EVACUATION_PLAN_H_
