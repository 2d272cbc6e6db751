// Whether a migration makes sense on this machine, and may be made: asked before it is queued or
// run.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_SPEC_CHECK_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_SPEC_CHECK_H_

#include <sys/types.h>

#include <vector>

#include "absl/status/status.h"
#include "agent/engine/context.h"
#include "agent/model/migration.h"
#include "agent/model/topology.h"
#include "agent/model/workload.h"

namespace numalocality {

// Most that CheckSpec lets pass. More than a memory bus can use:
inline constexpr int kMaxWorkers = 16;
// The last of ten pauses is over a minute long.
inline constexpr int kMaxRetries = 10;

// Checks `spec` as far as the machine alone decides: INVALID_ARGUMENT for a target or source that
// is not online or has no memory, for a node map beside targets or sources, for an empty or
// reversed address range, for no or hugetlb kinds, for fractions out of [0, 1], and for limits that
// make no sense.
absl::Status CheckSpec(const MigrationSpec& spec, const Topology& topology);

// Checks that the cpusets of the processes allow the target: FAILED_PRECONDITION with both masks
// if a node of spec.target_nodes (or every home node, where none is given) is forbidden to any of
// them; NOT_FOUND if all of them are gone.
absl::Status CheckAllowed(const EngineContext& context, const Workload& workload,
                          const std::vector<pid_t>& pids, const MigrationSpec& spec,
                          const Topology& topology);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_SPEC_CHECK_H_
