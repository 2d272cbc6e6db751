// Why pages leave the nodes they were moved to, and what would stop that. Pure.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_DRIFT_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_DRIFT_H_

#include <string>
#include <vector>

#include "agent/model/id_set.h"

namespace numalocality {

// What was so when the pages had drifted.
struct DriftFacts {
  NodeSet targets;
  NodeSet thread_nodes;    // of the CPUs that the process's threads may run on
  NodeSet policy_nodes;    // that memory policies of the process name; empty: none does, or unknown
  bool balancing = false;  // the kernel's automatic NUMA balancing is on
};

struct DriftCause {
  std::string cause;
  std::string remedy;  // the options that would stop it
};

// Likeliest first; empty if nothing of it explains drift.
std::vector<DriftCause> LikelyCauses(const DriftFacts& facts);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_DRIFT_H_
