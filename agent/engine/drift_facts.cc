#include "agent/engine/drift_facts.h"

#include "agent/os/numa_balancing.h"

namespace numalocality {

void AddDriftFacts(const MigrationContext& context, const Topology& topology,
                   const ProcessHandle& process, const NodeSet& targets, DriftFacts& facts) {
  facts.balancing = ReadNumaBalancing(context.paths).value_or(0) != 0;
  const auto threads = ReadThreads(context.kernel, context.paths, process.pid());
  if (!threads.ok()) return;
  facts.thread_nodes = facts.thread_nodes | (topology.HomeNodes(threads->cpus) - targets);
}

}  // namespace numalocality
