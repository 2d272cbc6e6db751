#include "agent/engine/move/drift_facts.h"

#include "agent/os/act/numa_balancing.h"
#include "agent/os/process/numa_maps.h"

namespace numalocality {

void AddDriftFacts(const EngineContext& context, const Topology& topology,
                   const ProcessHandle& process, const NodeSet& targets, DriftFacts& facts) {
  const auto balancing = ReadNumaBalancing(context.host);
  facts.balancing = balancing.value_or(0) != 0;
  // Kernels that cannot do it do not have the setting.
  if (!balancing.ok() && !absl::IsNotFound(balancing.status())) {
    facts.unread.insert("the setting of automatic NUMA balancing");
  }
  const auto threads = ReadThreads(context.kernel, context.host, process.pid());
  if (threads.ok()) {
    facts.thread_nodes = facts.thread_nodes | (topology.HomeNodes(threads->cpus) - targets);
  } else {
    facts.unread.insert("the CPUs of its threads");
  }
  const auto policy_nodes = ReadPolicyNodes(context.host, process);
  if (policy_nodes.ok()) {
    facts.policy_nodes = facts.policy_nodes | (*policy_nodes - targets);
  } else {
    facts.unread.insert("its memory policies");
  }
}

}  // namespace numalocality
