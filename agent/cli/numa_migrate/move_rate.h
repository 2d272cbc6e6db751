// How fast this machine moves pages, tried out on memory of this program's own.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_MOVE_RATE_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_MOVE_RATE_H_

#include <optional>

#include "absl/time/time.h"
#include "agent/engine/context.h"
#include "agent/model/ids.h"

namespace numalocality::numa_migrate {

// The time that a base page takes from one node to another in large batches, while nobody uses it;
// the middle one of three tries. nullopt if this program may not move its own, or not there.
std::optional<absl::Duration> MeasurePageMove(const EngineContext& context, NodeId from, NodeId to,
                                              int64_t page_bytes);

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_MOVE_RATE_H_
