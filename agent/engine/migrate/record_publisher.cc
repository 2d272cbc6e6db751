#include "agent/engine/migrate/record_publisher.h"

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"

namespace numalocality {
namespace {

void LogStoreError(const std::string& id, const absl::Status& status) {
  if (status.ok()) return;
  LogError(absl::StrCat("migration ", LogSafe(id), ": ", status.message(),
                        "; its record file is out of date"));
}

}  // namespace

void RecordPublisher::Publish(absl::FunctionRef<RecordChanges()> read) {
  const MutexLock lock(one_at_a_time_);
  const RecordChanges changes = read();
  if (changes.changed.has_value()) {
    const Migration& migration = *changes.changed;
    if (store_ != nullptr) LogStoreError(migration.id, store_->Save(migration));
    for (MigrationListener* const listener : listeners_) listener->OnMigration(migration);
  }
  if (store_ == nullptr) return;
  for (const std::string& id : changes.dropped) LogStoreError(id, store_->Remove(id));
}

}  // namespace numalocality
