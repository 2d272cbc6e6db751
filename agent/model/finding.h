// Findings: the problems that the agent's self-test reports.
#ifndef NUMALOCALITY_AGENT_MODEL_FINDING_H_
#define NUMALOCALITY_AGENT_MODEL_FINDING_H_

#include <string>

#include "agent/model/enum_table.h"

namespace numalocality {

enum class Severity {
  kError,    // the agent cannot do its job
  kWarning,  // it can do its job, but not all of it, or not as well
  kNote,     // something optional is not available
};
const EnumTable<Severity>& TableOf(Severity);

struct Finding {
  Severity severity = Severity::kNote;
  std::string code;     // for programs, such as "numa_balancing"; never changes
  std::string message;  // what does not work, and why
  std::string advice;   // what to do about it
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_FINDING_H_
