// Problems that keep the agent from doing all of its work, each with advice. Pure.
#ifndef NUMALOCALITY_AGENT_ENGINE_HEALTH_FINDINGS_H_
#define NUMALOCALITY_AGENT_ENGINE_HEALTH_FINDINGS_H_

#include <vector>

#include "agent/engine/health/self_test.h"
#include "agent/model/finding.h"

namespace numalocality {

// The findings for an agent with this status, the most severe first.
std::vector<Finding> FindingsOf(const AgentStatus& status);

// Logs errors and warnings. Notes appear in 'localityctl doctor' only.
void LogFindings(const std::vector<Finding>& findings);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_HEALTH_FINDINGS_H_
