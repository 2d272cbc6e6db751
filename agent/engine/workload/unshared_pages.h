// Estimates how much of a workload's memory is mapped by one process only, by samples of its
// processes' pages.
#ifndef NUMALOCALITY_AGENT_ENGINE_WORKLOAD_UNSHARED_PAGES_H_
#define NUMALOCALITY_AGENT_ENGINE_WORKLOAD_UNSHARED_PAGES_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "agent/engine/context.h"
#include "agent/model/ids.h"
#include "agent/model/topology.h"
#include "agent/model/workload.h"

namespace numalocality {

// Estimated numbers of anonymous and shmem pages of one node. A shared page counts once for each
// process that maps it.
struct MappedPages {
  double all = 0;
  double unshared = 0;  // mapped by one process only

  double UnsharedFraction() const { return all > 0 ? unshared / all : 1; }
};

// Estimates what the processes of `workload` have mapped on `node`. The fraction is exact if none
// of the sampled pages is shared, otherwise within about 2 percentage points. The cost does not
// depend on the size. PERMISSION_DENIED if the agent may not read the pages, NOT_FOUND if the
// workload is gone, RESOURCE_EXHAUSTED beyond kPeriodicLimits, CANCELLED once `is_cancelled`.
// Thread-safe.
absl::StatusOr<MappedPages> EstimateUnshared(const EngineContext& context, const Workload& workload,
                                             NodeId node, const Topology& topology,
                                             absl::FunctionRef<bool()> is_cancelled);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_WORKLOAD_UNSHARED_PAGES_H_
