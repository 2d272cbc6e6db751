// What hinders the agent, and what to do about it. Pure.
#ifndef NUMALOCALITY_AGENT_ENGINE_HEALTH_FINDINGS_H_
#define NUMALOCALITY_AGENT_ENGINE_HEALTH_FINDINGS_H_

#include <string>
#include <vector>

#include "agent/engine/health/self_test.h"

namespace numalocality {

enum class Severity {
  kError,    // the agent cannot do its job
  kWarning,  // it can, but not all of it, or not as well
  kNote,     // something optional is not available
};

struct Finding {
  Severity severity = Severity::kNote;
  std::string message;  // what does not work, and why
  std::string advice;   // what to do about it
};

// Worst first.
std::vector<Finding> FindingsOf(const AgentStatus& status);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_HEALTH_FINDINGS_H_
