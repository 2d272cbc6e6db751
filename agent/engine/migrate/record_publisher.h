// Passes changes of migration records on to the store and to listeners.
#ifndef NUMALOCALITY_AGENT_ENGINE_MIGRATE_RECORD_PUBLISHER_H_
#define NUMALOCALITY_AGENT_ENGINE_MIGRATE_RECORD_PUBLISHER_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "agent/base/mutex.h"
#include "agent/engine/migrate/migration_listener.h"
#include "agent/engine/migrate/migration_store.h"
#include "agent/model/migration.h"

namespace numalocality {

struct RecordChanges {
  std::optional<Migration> changed;
  std::vector<std::string> dropped;  // ids
};

// Thread-safe once set up.
class RecordPublisher {
 public:
  // Both outlive this. Before the first Publish.
  void SetStore(MigrationStore* store) { store_ = store; }
  void AddListener(MigrationListener* listener) { listeners_.push_back(listener); }

  // Publishes what `read` returns. Calls are made one at a time, `read` included, so that changes
  // are published in the order in which they were read. Errors of the store are logged: a migration
  // goes on without its stored record.
  void Publish(absl::FunctionRef<RecordChanges()> read);

 private:
  Mutex one_at_a_time_;  // before any lock that `read` takes
  MigrationStore* store_ = nullptr;
  std::vector<MigrationListener*> listeners_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MIGRATE_RECORD_PUBLISHER_H_
