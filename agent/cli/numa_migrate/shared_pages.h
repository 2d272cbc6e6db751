// Which pages a sharing rule would leave, found out without moving any.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_SHARED_PAGES_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_SHARED_PAGES_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "agent/cli/numa_migrate/subject.h"
#include "agent/engine/context.h"
#include "agent/model/id_set.h"
#include "agent/model/migration.h"

namespace numalocality::numa_migrate {

// Pages on `sources` in the ranges and of the kinds of `spec` that several processes map and that
// spec.sharing leaves alone. nullopt where pagemap, which tells, may not be read. Errors as
// ScanUntilSignal.
absl::StatusOr<std::optional<int64_t>> CountSharedThatStay(const EngineContext& context,
                                                           const MigrationSpec& spec,
                                                           const Subject& subject,
                                                           const NodeSet& sources);

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_SHARED_PAGES_H_
