// Topologies and placements as tables. Pure.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_PLACEMENT_TEXT_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_PLACEMENT_TEXT_H_

#include <google/protobuf/repeated_ptr_field.h>

#include <string>
#include <vector>

#include "numalocality/v1/placement.pb.h"

namespace numalocality::localityctl {

// One line a node: its CPUs, memory and distances.
std::string TopologyText(const v1::Topology& topology);

// One line a workload: who it is, where its CPUs and homes are, its anonymous and shmem bytes (on
// each node, unless there are more than four), how much of them is local, what is remote, and what
// the repair loop makes of it. What could not be seen is said below the table. `machines`: those of
// many agents, one for each of the list, to stand in front; empty: one agent's list.
std::string PlacementsText(const google::protobuf::RepeatedPtrField<v1::WorkloadPlacement>& list,
                           const std::vector<std::string>& machines = {});

// A line for a change that a watcher is told of: a placement in short, or who is gone; "" for marks
// that programs need.
std::string ChangeText(const v1::WatchPlacementsResponse& change);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_PLACEMENT_TEXT_H_
