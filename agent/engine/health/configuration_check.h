// Whether a configuration that is right in itself can be in force in this agent. Pure.
#ifndef NUMALOCALITY_AGENT_ENGINE_HEALTH_CONFIGURATION_CHECK_H_
#define NUMALOCALITY_AGENT_ENGINE_HEALTH_CONFIGURATION_CHECK_H_

#include "absl/status/status.h"
#include "agent/model/configuration.h"
#include "agent/model/privileges.h"

namespace numalocality {

// FAILED_PRECONDITION with the first policy that asks for what `capabilities` do not permit, and
// what to do about it.
absl::Status CheckConfiguration(const Configuration& configuration,
                                const CapabilitySet& capabilities);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_HEALTH_CONFIGURATION_CHECK_H_
