// Finds out why a workload's memory is where it is; model/explanation says it.
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

// What others know; each may be empty. Thread-safe functions.
struct ExplanationSources {
  // What the configuration in force has; else what the explainer was made with.
  std::function<HostLimits()> limits;
  // Remote bytes of a workload that its last migration home has left as pinned or busy; 0 if there
  // was none.
  std::function<int64_t(const WorkloadPlacement&)> stuck_bytes;
  // What kubelet has assigned to it; nullopt: nothing, or not known.
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

  // Explains the placement of `workload` now, by samples of its processes' pages or, if `complete`,
  // by all of them. Memory of a container is what its cgroup's counters say; of a workload that is
  // one process, what the pages say, anonymous and shmem only. Samples are of 4096 pages a process,
  // and fewer of each if there are more than 16 processes. Where the homes of the processes differ,
  // the placement has them one by one. Processes that exit meanwhile are left out. NOT_FOUND if the
  // workload is gone, PERMISSION_DENIED, CANCELLED.
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
