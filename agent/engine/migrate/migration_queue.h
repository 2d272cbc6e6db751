// The migrations that wait for a worker, and who is next: requests of the API before repairs, in
// the order in which they came.
#ifndef NUMALOCALITY_AGENT_ENGINE_MIGRATE_MIGRATION_QUEUE_H_
#define NUMALOCALITY_AGENT_ENGINE_MIGRATE_MIGRATION_QUEUE_H_

#include <cstddef>
#include <deque>
#include <memory>

#include "agent/engine/migrate/migration_records.h"

namespace numalocality {

// Not thread-safe: the Migrator's lock guards it.
class MigrationQueue {
 public:
  // Of several workers one is kept for requests of the API.
  void SetWorkers(int count) { worker_count_ = count; }
  int worker_count() const { return worker_count_; }

  void Add(const std::shared_ptr<MigrationEntry>& entry);
  void Remove(const MigrationEntry& entry);

  // Takes the next one, which runs until Ended; null if none may run now.
  std::shared_ptr<MigrationEntry> Take();
  void Ended(const MigrationEntry& entry);

  size_t waiting_count() const { return waiting_.size(); }
  int running_count() const { return running_; }

 private:
  std::deque<std::shared_ptr<MigrationEntry>> waiting_;
  int worker_count_ = 1;
  int running_ = 0;
  int running_repairs_ = 0;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MIGRATE_MIGRATION_QUEUE_H_
