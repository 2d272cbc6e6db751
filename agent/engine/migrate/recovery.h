// Completes the records of migrations that an earlier agent process left unfinished.
#ifndef NUMALOCALITY_AGENT_ENGINE_MIGRATE_RECOVERY_H_
#define NUMALOCALITY_AGENT_ENGINE_MIGRATE_RECOVERY_H_

#include <vector>

#include "absl/status/statusor.h"
#include "agent/engine/context.h"
#include "agent/engine/migrate/migration_store.h"
#include "agent/model/migration.h"

namespace numalocality {

// Brings a migration that had not ended into a final state, reason INTERRUPTED, and measures where
// the memory of its unfinished workloads is now: by memory.numa_stat, or by a sample of its pages
// for a single process. A migration that the earlier agent interrupted itself as it shut down is
// only measured, once: a restart later its memory says nothing about the migration. Returns whether
// `migration` changed; others stay as they are.
bool RecoverInterrupted(const EngineContext& context, Migration& migration);

// Loads the records of earlier agents, oldest first. Completes those of interrupted migrations,
// also in the store, and sets their monotonic times by their age now. Errors as
// MigrationStore::Load.
absl::StatusOr<std::vector<Migration>> LoadEarlier(const EngineContext& context,
                                                   MigrationStore& store);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MIGRATE_RECOVERY_H_
