// Drift: why pages leave the nodes that they were moved to, and what would keep them there. Pure.
#ifndef NUMALOCALITY_AGENT_MODEL_DRIFT_H_
#define NUMALOCALITY_AGENT_MODEL_DRIFT_H_

#include <set>
#include <string>
#include <vector>

#include "agent/model/id_set.h"

namespace numalocality {

// The facts at the time when drift was found. Target nodes are left out of the sets.
struct DriftFacts {
  bool balancing = false;             // the kernel's automatic NUMA balancing is on
  NodeSet thread_nodes;               // of the CPUs that the processes' threads may run on
  NodeSet policy_nodes;               // that memory policies name, as far as known
  std::set<std::string> unread = {};  // which of these facts could not be read, in words
  bool operator==(const DriftFacts&) const = default;
};

struct DriftCause {
  std::string code;  // for programs, such as "numa_balancing"; never changes
  std::string cause;
  std::string remedy;  // the options that would prevent it
  bool operator==(const DriftCause&) const = default;
};

// Which command's options the remedies name.
enum class DriftAdvice { kNumaMigrate, kAgent };

// The likely causes, the likeliest one first. If the facts explain nothing, the result is empty for
// numa-migrate; for the agent it names what was not examined.
std::vector<DriftCause> LikelyCauses(const DriftFacts& facts, DriftAdvice advice);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_DRIFT_H_
