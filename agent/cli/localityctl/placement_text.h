// Topologies and placements as tables. Pure.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_PLACEMENT_TEXT_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_PLACEMENT_TEXT_H_

#include <google/protobuf/repeated_ptr_field.h>

#include <string>

#include "numalocality/v1/placement.pb.h"

namespace numalocality {

// One line a node: its CPUs, memory and distances.
std::string TopologyText(const v1::Topology& topology);

// One line a workload: who it is, where its CPUs and homes are, anonymous and shmem bytes on each
// node, and how much of them is local. What could not be seen is said below the table.
std::string PlacementsText(const google::protobuf::RepeatedPtrField<v1::WorkloadPlacement>& list);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_PLACEMENT_TEXT_H_
