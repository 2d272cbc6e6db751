// What hinders the agent, and what to do about it. Pure.
#ifndef NUMALOCALITY_AGENT_ENGINE_HEALTH_FINDINGS_H_
#define NUMALOCALITY_AGENT_ENGINE_HEALTH_FINDINGS_H_

#include <vector>

#include "agent/engine/health/self_test.h"
#include "agent/model/finding.h"

namespace numalocality {

// Worst first.
std::vector<Finding> FindingsOf(const AgentStatus& status);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_HEALTH_FINDINGS_H_
