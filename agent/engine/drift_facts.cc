#include "agent/engine/drift_facts.h"

#include "agent/os/memory_policy.h"
#include "agent/os/numa_balancing.h"

namespace numalocality {

void AddDriftFacts(const MigrationContext& context, const Topology& topology,
                   const ProcessHandle& process, const NodeSet& targets, DriftFacts& facts) {
  facts.balancing = ReadNumaBalancing(context.paths).value_or(0) != 0;
  const auto threads = ReadThreads(context.kernel, context.paths, process.pid());
  if (threads.ok()) {
    facts.thread_nodes = facts.thread_nodes | (topology.HomeNodes(threads->cpus) - targets);
  }
  const auto policy_nodes = ReadPolicyNodes(context.paths, process);
  if (policy_nodes.ok()) facts.policy_nodes = facts.policy_nodes | (*policy_nodes - targets);
}

}  // namespace numalocality
