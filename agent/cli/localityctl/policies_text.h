// The agent's policies, as people read them. Pure.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_POLICIES_TEXT_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_POLICIES_TEXT_H_

#include <string>

#include "numalocality/v1/agent.pb.h"

namespace numalocality::localityctl {

// A row a policy, then what holds for all of them.
std::string PoliciesText(const v1::GetPoliciesResponse& policies);

// Where the configuration comes from, and whether it is in force: "/etc/x.yaml, read
// 2026-01-02T03:04:05Z". One line.
std::string ConfigurationWords(const v1::ConfigurationStatus& status);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_POLICIES_TEXT_H_
