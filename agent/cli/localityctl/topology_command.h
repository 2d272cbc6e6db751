// localityctl topology: the NUMA nodes of a machine.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_TOPOLOGY_COMMAND_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_TOPOLOGY_COMMAND_H_

#include <string>

#include "numalocality/v1/placement.pb.h"

namespace numalocality::localityctl {

// A table with a row for each node: CPUs, memory, and distances to all nodes. Pure.
std::string TopologyText(const v1::Topology& topology);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_TOPOLOGY_COMMAND_H_
