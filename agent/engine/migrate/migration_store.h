// Where migration records are kept so that they outlive the agent process.
#ifndef NUMALOCALITY_AGENT_ENGINE_MIGRATE_MIGRATION_STORE_H_
#define NUMALOCALITY_AGENT_ENGINE_MIGRATE_MIGRATION_STORE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/model/migration.h"

namespace numalocality {

// Reads and writes only: which records are kept, and what an unfinished one means, is decided by
// the Migrator. The Migrator makes one call at a time.
class MigrationStore {
 public:
  virtual ~MigrationStore() = default;

  // All stored records, in no particular order. Single records that cannot be read are logged and
  // left out. An error means that nothing can be stored here.
  virtual absl::StatusOr<std::vector<Migration>> Load() = 0;

  // Replaces the record of this id, if there is one.
  virtual absl::Status Save(const Migration& migration) = 0;

  // OK if there is no such record.
  virtual absl::Status Remove(const std::string& id) = 0;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MIGRATE_MIGRATION_STORE_H_
