// Interface of those who follow migrations: metrics and the repair loop.
#ifndef NUMALOCALITY_AGENT_ENGINE_MIGRATE_MIGRATION_LISTENER_H_
#define NUMALOCALITY_AGENT_ENGINE_MIGRATE_MIGRATION_LISTENER_H_

#include "agent/model/migration.h"

namespace numalocality {

// Called on any of the Migrator's threads or its callers', one call at a time and in the order of
// the changes. Must not call the Migrator.
class MigrationListener {
 public:
  virtual ~MigrationListener() = default;

  // The migration was submitted; has progressed (about once a second); or, in a final state, has
  // ended, which is notified once.
  virtual void OnMigration(const Migration& migration) = 0;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MIGRATE_MIGRATION_LISTENER_H_
