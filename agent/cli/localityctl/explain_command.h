// localityctl explain: why a workload's memory is remote.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_EXPLAIN_COMMAND_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_EXPLAIN_COMMAND_H_

#include <string>

#include "numalocality/v1/placement.pb.h"

namespace numalocality::localityctl {

// For each workload except sandboxes: its placement, then a table of the reasons why memory is
// remote, with advice and details, then the circumstances of machine and workload that contribute.
// Pure.
std::string ExplanationsText(const v1::ExplainPlacementResponse& response);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_EXPLAIN_COMMAND_H_
