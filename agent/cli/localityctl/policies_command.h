// localityctl policies: what the agent repairs by itself. localityctl configuration: all settings.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_POLICIES_COMMAND_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_POLICIES_COMMAND_H_

#include <string>

#include "numalocality/v1/agent.pb.h"

namespace numalocality::localityctl {

// A table with a row for each policy, then the settings that apply to all of them, in the notation
// of the configuration file. Pure.
std::string PoliciesText(const v1::GetConfigurationResponse& configuration);

// A configuration file with all settings; comments say where they come from. Pure.
std::string ConfigurationText(const v1::GetConfigurationResponse& configuration);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_POLICIES_COMMAND_H_
