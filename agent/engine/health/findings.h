// Problems that keep the agent from doing all of its work, each with advice. Pure.
#ifndef NUMALOCALITY_AGENT_ENGINE_HEALTH_FINDINGS_H_
#define NUMALOCALITY_AGENT_ENGINE_HEALTH_FINDINGS_H_

#include <string>
#include <vector>

#include "agent/engine/health/self_test.h"

namespace numalocality {

enum class Severity {
  kError,    // the agent cannot do its main work
  kWarning,  // it can, but not completely, or more slowly
  kNote,     // an optional function is not available
};

struct Finding {
  Severity severity = Severity::kNote;
  std::string message;  // what does not work, on what, and why
  std::string advice;   // what to do about it
};

// The findings for an agent with this status, the most severe first.
std::vector<Finding> FindingsOf(const AgentStatus& status);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_HEALTH_FINDINGS_H_
