// Checks whether a migration makes sense on this machine and is permitted, before it is queued or
// begun.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_SPEC_CHECK_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_SPEC_CHECK_H_

#include <sys/types.h>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "agent/engine/context.h"
#include "agent/model/migration.h"
#include "agent/model/topology.h"
#include "agent/model/workload.h"
#include "agent/os/base/read_budget.h"

namespace numalocality {

// Highest values that CheckSpec accepts.
// More workers than a memory bus can use.
inline constexpr int kMaxWorkers = 16;
// The last of ten pauses is over a minute long.
inline constexpr int kMaxRetries = 10;

// Checks the parts of `spec` that do not depend on a process. INVALID_ARGUMENT for a target or
// source that is not online or has no memory, for a node map together with targets or sources, for
// an empty or reversed address range, for no kind or for hugetlb, for fractions outside [0, 1], and
// for limits out of range.
absl::Status CheckSpec(const MigrationSpec& spec, const Topology& topology);

// Checks that the cpusets of all processes, or of the first kMostProcesses, allow the target.
// FAILED_PRECONDITION with both masks if one of them forbids a node of spec.target_nodes (or every
// home node, if no target is given); NOT_FOUND if all processes are gone; RESOURCE_EXHAUSTED and
// CANCELLED as ReadBudget::Take.
absl::Status CheckAllowed(const EngineContext& context, const Workload& workload,
                          absl::Span<const pid_t> pids, const MigrationSpec& spec,
                          const Topology& topology, ReadBudget& budget);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_SPEC_CHECK_H_
