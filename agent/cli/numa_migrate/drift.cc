#include "agent/cli/numa_migrate/drift.h"

#include "absl/strings/str_cat.h"

namespace numalocality {

std::vector<DriftCause> LikelyCauses(const DriftFacts& facts) {
  const NodeSet elsewhere = facts.thread_nodes - facts.targets;
  const std::string where = absl::StrCat("its threads may run on node ", elsewhere.ToString());
  std::vector<DriftCause> causes;
  if (facts.balancing && !elsewhere.empty()) {
    causes.push_back({absl::StrCat("automatic NUMA balancing is on and ", where,
                                   ": the kernel takes pages to the CPUs that use them"),
                      "--pin-threads, or --numa-balancing off for as long as this runs"});
  } else if (facts.balancing) {
    causes.push_back({"automatic NUMA balancing is on",
                      "--numa-balancing off for as long as this runs, or kernel.numa_balancing=0"});
  } else if (!elsewhere.empty()) {
    causes.push_back({absl::StrCat(where, ": what they free and touch anew comes from there"),
                      "--pin-threads or --policy bind"});
  }
  if (const NodeSet policy = facts.policy_nodes - facts.targets; !policy.empty()) {
    causes.push_back({absl::StrCat("memory policies of the process ask for node ",
                                   policy.ToString(), ": what it touches anew comes from there"),
                      "--policy bind"});
  }
  return causes;
}

}  // namespace numalocality
