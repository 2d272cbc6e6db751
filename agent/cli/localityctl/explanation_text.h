// Explanations of placements as people read them. Pure.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_EXPLANATION_TEXT_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_EXPLANATION_TEXT_H_

#include <string>

#include "numalocality/v1/placement.pb.h"

namespace numalocality::localityctl {

// Of each workload but sandboxes: how local it is and where, then a line a reason with what to do
// about it, details, and what about machine and workload keeps memory remote.
std::string ExplanationsText(const v1::ExplainPlacementResponse& response);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_EXPLANATION_TEXT_H_
