#include "agent/engine/migrate/migration_queue.h"

#include <algorithm>

namespace numalocality {
namespace {

bool IsRepair(const MigrationEntry& entry) {
  return entry.migration.request.origin == MigrationOrigin::kPolicy;
}

}  // namespace

void MigrationQueue::Add(const std::shared_ptr<MigrationEntry>& entry) {
  const auto place = IsRepair(*entry) ? waiting_.end()
                                      : std::find_if(waiting_.begin(), waiting_.end(),
                                                     [](const auto& e) { return IsRepair(*e); });
  waiting_.insert(place, entry);
}

void MigrationQueue::Remove(const MigrationEntry& entry) {
  std::erase_if(waiting_, [&](const auto& other) { return other.get() == &entry; });
}

std::shared_ptr<MigrationEntry> MigrationQueue::Take() {
  if (waiting_.empty()) return nullptr;
  std::shared_ptr<MigrationEntry> entry = waiting_.front();
  if (IsRepair(*entry)) {
    if (running_repairs_ >= std::max(1, worker_count_ - 1)) return nullptr;
    ++running_repairs_;
  }
  waiting_.pop_front();
  ++running_;
  return entry;
}

void MigrationQueue::Ended(const MigrationEntry& entry) {
  --running_;
  running_repairs_ -= IsRepair(entry);
}

}  // namespace numalocality
