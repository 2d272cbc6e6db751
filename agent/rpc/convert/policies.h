// Conversion of the configuration. Pure.
#ifndef NUMALOCALITY_AGENT_RPC_CONVERT_POLICIES_H_
#define NUMALOCALITY_AGENT_RPC_CONVERT_POLICIES_H_

#include "agent/model/configuration.h"
#include "numalocality/v1/agent.pb.h"

namespace numalocality {

void ToProto(const Configuration& configuration, v1::GetPoliciesResponse& message);
void ToProto(const ConfigurationStatus& status, v1::ConfigurationStatus& message);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_CONVERT_POLICIES_H_
