// What the evacuation of a node would do, as people read it. Pure.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_EVACUATION_TEXT_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_EVACUATION_TEXT_H_

#include <string>

#include "numalocality/v1/migration.pb.h"

namespace numalocality::localityctl {

// One line a workload, in the order in which they are moved: how much, where to, and why not.
std::string EvacuationPlanText(const v1::Migration& plan, int node);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_EVACUATION_TEXT_H_
