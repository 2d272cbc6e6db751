// Why pages leave the nodes they were moved to, and what would stop that. Pure.
#ifndef NUMALOCALITY_AGENT_MODEL_DRIFT_H_
#define NUMALOCALITY_AGENT_MODEL_DRIFT_H_

#include <set>
#include <string>
#include <vector>

#include "agent/model/id_set.h"

namespace numalocality {

// What was so when the pages had drifted. Nodes that are targets are left out.
struct DriftFacts {
  bool balancing = false;             // the kernel's automatic NUMA balancing is on
  NodeSet thread_nodes;               // of the CPUs that the processes' threads may run on
  NodeSet policy_nodes;               // that memory policies name, as far as these are known
  std::set<std::string> unread = {};  // of these, what could not be found out, in words
  bool operator==(const DriftFacts&) const = default;
};

struct DriftCause {
  std::string cause;
  std::string remedy;  // the options that would stop it
  bool operator==(const DriftCause&) const = default;
};

// Whose options the remedies are.
enum class DriftAdvice { kNumaMigrate, kAgent };

// Likeliest first. For numa-migrate empty if nothing of it explains drift; the agent then names
// what it has not looked at.
std::vector<DriftCause> LikelyCauses(const DriftFacts& facts, DriftAdvice advice);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_DRIFT_H_
