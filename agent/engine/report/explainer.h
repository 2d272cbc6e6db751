// Explains why a workload's memory is where it is: gathers the facts from which model/explanation
// makes the explanation.
#ifndef NUMALOCALITY_AGENT_ENGINE_REPORT_EXPLAINER_H_
#define NUMALOCALITY_AGENT_ENGINE_REPORT_EXPLAINER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "agent/engine/context.h"
#include "agent/engine/workload/placement_reader.h"
#include "agent/engine/workload/workload_finder.h"
#include "agent/model/container_names.h"
#include "agent/model/explanation.h"
#include "agent/model/topology.h"
#include "agent/model/workload.h"

namespace numalocality {

// Facts that other parts of the agent have. Each function may be empty, and is thread-safe.
struct ExplanationSources {
  // The current configuration's limits; if empty, those of the context are used.
  std::function<HostLimits()> limits;
  // Remote bytes of a workload that its last migration home could not move (pinned or busy); 0 if
  // there was none.
  std::function<int64_t(const WorkloadPlacement&)> stuck_bytes;
  // Kubelet's assignment to a workload; nullopt if there is none or it is not known.
  std::function<std::optional<KubeletAssignment>(const Workload&)> assignment;
};

// Stateless and thread-safe.
class Explainer {
 public:
  Explainer(const EngineContext& context, ExplanationSources sources)
      : context_(context),
        sources_(std::move(sources)),
        finder_(context.host),
        reader_(context.kernel, context.host, context.clock) {}

  // Explains the current placement of `workload` by samples of its processes' pages or, if
  // `complete`, by all pages. A container's bytes come from its cgroup's counters. Those of a
  // workload that is one process come from its pages, and are anonymous and shmem memory only. A
  // sample has 4096 pages of each process, fewer if there are more than 16 processes. If the
  // processes have different home nodes, the placement lists each process. Processes that exit
  // meanwhile are left out. If reading the processes exceeds kRequestLimits, the placement is in
  // the state kTooLarge, and memory that was not read counts as unshared. NOT_FOUND if the workload
  // is gone, PERMISSION_DENIED, CANCELLED if `is_cancelled` returns true.
  absl::StatusOr<PlacementExplanation> Explain(const Workload& workload, const Topology& topology,
                                               bool complete,
                                               absl::FunctionRef<bool()> is_cancelled) const;

 private:
  absl::Status AddProcesses(const Workload& workload, absl::FunctionRef<bool()> is_cancelled,
                            ExplanationFacts& facts) const;
  absl::Status AddMachine(const Workload& workload, ExplanationFacts& facts) const;

  const EngineContext context_;
  const ExplanationSources sources_;
  const WorkloadFinder finder_;
  const PlacementReader reader_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_REPORT_EXPLAINER_H_
