// localityctl doctor: the agent's self test.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_DOCTOR_COMMAND_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_DOCTOR_COMMAND_H_

#include <string>

#include "numalocality/v1/agent.pb.h"

namespace numalocality::localityctl {

// A line for each property of the agent and its machine, then the findings with advice. Pure.
std::string StatusText(const v1::GetStatusResponse& status);

// Whether the agent can do its work: no finding is an error.
bool IsFit(const v1::GetStatusResponse& status);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_DOCTOR_COMMAND_H_
