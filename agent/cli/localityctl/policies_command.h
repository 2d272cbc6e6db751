// localityctl policies: what the agent repairs by itself.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_POLICIES_COMMAND_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_POLICIES_COMMAND_H_

#include <string>

#include "numalocality/v1/agent.pb.h"

namespace numalocality::localityctl {

// A table with a row for each policy, then the settings that apply to all of them. Pure.
std::string PoliciesText(const v1::GetPoliciesResponse& policies);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_POLICIES_COMMAND_H_
