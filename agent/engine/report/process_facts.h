// Reads the facts that explain where one process's memory is: its CPUs, its memory policies, the
// nodes that it may use, and which of its pages other processes map.
#ifndef NUMALOCALITY_AGENT_ENGINE_REPORT_PROCESS_FACTS_H_
#define NUMALOCALITY_AGENT_ENGINE_REPORT_PROCESS_FACTS_H_

#include <cstddef>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "agent/engine/context.h"
#include "agent/engine/workload/sharing_proof.h"
#include "agent/model/circumstance.h"
#include "agent/model/explanation.h"
#include "agent/model/topology.h"
#include "agent/os/base/read_budget.h"
#include "agent/os/process/process_handle.h"

namespace numalocality {

// How the pages of one process are read.
struct ProcessScan {
  std::optional<size_t> max_pages;  // size of the sample; nullopt: every page
  // Called when the first shared page is found, to find out whether only this workload maps it.
  absl::FunctionRef<const SharingProof&()> proof;
  absl::FunctionRef<bool()> is_cancelled;
  ReadBudget& budget;  // of all processes of the workload
};

// Reads the facts of `process`. Adds swapped bytes and the facts that it could not read to
// `machine`. NOT_FOUND if the process is gone, PERMISSION_DENIED if the agent may not locate its
// pages, RESOURCE_EXHAUSTED if its threads or mappings exceed the budget, CANCELLED. Thread-safe if
// `machine` is the caller's own.
absl::StatusOr<ProcessFacts> ReadProcessFacts(const EngineContext& context,
                                              const Topology& topology,
                                              const ProcessHandle& process, const ProcessScan& scan,
                                              CircumstanceFacts& machine);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_REPORT_PROCESS_FACTS_H_
