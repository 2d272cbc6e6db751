// How much of a workload's memory no two processes share, by samples of its processes' pages.
#ifndef NUMALOCALITY_AGENT_ENGINE_WORKLOAD_UNSHARED_PAGES_H_
#define NUMALOCALITY_AGENT_ENGINE_WORKLOAD_UNSHARED_PAGES_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "agent/engine/context.h"
#include "agent/model/ids.h"
#include "agent/model/topology.h"
#include "agent/model/workload.h"

namespace numalocality {

// Anonymous and shmem pages of one node, estimated; shared ones as often as they are mapped.
struct MappedPages {
  double all = 0;
  double unshared = 0;  // that one process maps alone

  double UnsharedFraction() const { return all > 0 ? unshared / all : 1; }
};

// What the processes of `workload` have mapped on `node`. Exact where none of the pages looked at
// is shared, else within 2 percentage points or so. Costs the same for any size. PERMISSION_DENIED
// if that may not be read, NOT_FOUND if the workload is gone.
absl::StatusOr<MappedPages> EstimateUnshared(const EngineContext& context, const Workload& workload,
                                             NodeId node, const Topology& topology);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_WORKLOAD_UNSHARED_PAGES_H_
