// What an agent can do, as people read it. Pure.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_STATUS_TEXT_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_STATUS_TEXT_H_

#include <string>

#include "numalocality/v1/agent.pb.h"

namespace numalocality::localityctl {

// A line a fact, then what hinders the agent and what to do about it.
std::string StatusText(const v1::GetStatusResponse& status);

// Whether the agent can do its job: no finding is an error.
bool IsFit(const v1::GetStatusResponse& status);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_STATUS_TEXT_H_
