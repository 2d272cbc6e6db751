// A MigrationStore in memory. Its content is what an agent process leaves for the next one.
#ifndef NUMALOCALITY_TESTS_UNIT_ENGINE_MIGRATE_MEMORY_STORE_H_
#define NUMALOCALITY_TESTS_UNIT_ENGINE_MIGRATE_MEMORY_STORE_H_

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "agent/engine/migrate/migration_store.h"

namespace numalocality {

class MemoryStore final : public MigrationStore {
 public:
  absl::StatusOr<std::vector<Migration>> Load() override {
    if (!error.ok()) return error;
    std::vector<Migration> migrations;
    for (const auto& [id, migration] : Copy()) migrations.push_back(migration);
    return migrations;
  }
  absl::Status Save(const Migration& migration) override {
    const std::lock_guard lock(mutex_);
    migrations_[migration.id] = migration;
    return absl::OkStatus();
  }
  absl::Status Remove(const std::string& id) override {
    const std::lock_guard lock(mutex_);
    migrations_.erase(id);
    return absl::OkStatus();
  }

  std::map<std::string, Migration> Copy() const {
    const std::lock_guard lock(mutex_);
    return migrations_;
  }
  // What a killed agent had stored when `other` was copied.
  void Replace(std::map<std::string, Migration> other) {
    const std::lock_guard lock(mutex_);
    migrations_ = std::move(other);
  }

  absl::Status error;  // of Load

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Migration> migrations_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_UNIT_ENGINE_MIGRATE_MEMORY_STORE_H_
