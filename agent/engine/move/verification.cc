#include "agent/engine/move/verification.h"

#include "agent/os/act/numa_balancing.h"
#include "agent/os/base/read_budget.h"
#include "agent/os/process/numa_maps.h"
#include "agent/os/process/process_handle.h"

namespace numalocality {
namespace {

// Adds the facts about a drifted process whose memory belongs on `targets`; model/drift says what
// they mean. Memory policies of single mappings are not read (see os/process/numa_maps).
void AddDriftFacts(const EngineContext& context, const Topology& topology,
                   const ProcessHandle& process, const NodeSet& targets, ReadBudget& budget,
                   DriftFacts& facts) {
  const auto threads = ReadThreads(context.kernel, context.host, process.pid(), budget);
  if (threads.ok()) {
    facts.thread_nodes = facts.thread_nodes | (topology.HomeNodes(threads->cpus) - targets);
  } else {
    facts.unread.insert("the CPUs of its threads");
  }
  const auto policy_nodes = ReadPolicyNodes(context.host, process, budget);
  if (policy_nodes.ok()) {
    facts.policy_nodes = facts.policy_nodes | (*policy_nodes - targets);
  } else {
    facts.unread.insert("its memory policies");
  }
}

DriftFacts FactsOfMachine(const Host& host) {
  DriftFacts facts;
  const auto balancing = ReadNumaBalancing(host);
  facts.balancing = balancing.value_or(0) != 0;
  // Kernels without automatic NUMA balancing do not have the setting.
  if (!balancing.ok() && !absl::IsNotFound(balancing.status())) {
    facts.unread.insert("the setting of automatic NUMA balancing");
  }
  return facts;
}

}  // namespace

VerificationResult VerifyProcesses(const EngineContext& context, const Topology& topology,
                                   const std::vector<std::unique_ptr<ProcessMigration>>& processes,
                                   absl::Duration after,
                                   const std::function<bool()>& is_cancelled) {
  VerificationResult result;
  result.verification.after = after;
  ReadBudget maps_budget(kMigrationLimits, context.clock, is_cancelled);
  ReadBudget facts_budget(kRequestLimits, context.clock, is_cancelled);
  for (const auto& process : processes) {
    if (process->vanished()) continue;
    const int64_t drifted_before = result.verification.drifted_pages;
    const absl::Duration start = context.clock.Monotonic();
    const absl::Status status = process->Verify(result.verification, maps_budget, is_cancelled);
    facts_budget.Exclude(context.clock.Monotonic() - start);
    result.status.Update(status);
    if (!status.ok() && !absl::IsNotFound(status)) {
      result.status = status;
      return result;
    }
    if (result.verification.drifted_pages == drifted_before) continue;
    if (!result.drift_facts.has_value()) result.drift_facts = FactsOfMachine(context.host);
    const absl::Duration verified = context.clock.Monotonic();
    AddDriftFacts(context, topology, process->handle(), TargetsOf(process->targets()), facts_budget,
                  *result.drift_facts);
    maps_budget.Exclude(context.clock.Monotonic() - verified);
  }
  return result;
}

}  // namespace numalocality
