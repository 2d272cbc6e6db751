// What explains where one process's memory is: where its CPUs are, what it asked for and may use,
// and which of its pages others map.
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
#include "agent/os/process/process_handle.h"

namespace numalocality {

// How one process is looked at.
struct ProcessLook {
  std::optional<size_t> max_pages;  // size of the sample; nullopt: every page
  // Asked once a shared page is found, for whom else it belongs to.
  absl::FunctionRef<const SharingProof&()> proof;
  absl::FunctionRef<bool()> is_cancelled;
};

// Reads `process` now. What it finds out beside, and what may not be read, goes to `machine`.
// NOT_FOUND if the process is gone, PERMISSION_DENIED if its pages may not be located, CANCELLED.
absl::StatusOr<ProcessFacts> ReadProcessFacts(const EngineContext& context,
                                              const Topology& topology,
                                              const ProcessHandle& process, const ProcessLook& look,
                                              CircumstanceFacts& machine);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_REPORT_PROCESS_FACTS_H_
