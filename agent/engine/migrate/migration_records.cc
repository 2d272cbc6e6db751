#include "agent/engine/migrate/migration_records.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"

namespace numalocality {
namespace {

bool AskForTheSame(MigrationRequest one, MigrationRequest other) {
  one.reservation_tokens.clear();
  other.reservation_tokens.clear();
  return one == other;
}

}  // namespace

const BatchInFlight* MigrationEntry::OldestBatch() const {
  const auto oldest = std::min_element(
      batches.begin(), batches.end(),
      [](const auto& a, const auto& b) { return a.second.start < b.second.start; });
  return oldest == batches.end() ? nullptr : &oldest->second;
}

void MigrationRecords::Add(std::shared_ptr<MigrationEntry> entry) {
  entries_.push_back(std::move(entry));
}

void MigrationRecords::DropOldest() {
  auto finished =
      static_cast<size_t>(std::count_if(entries_.begin(), entries_.end(), [](const auto& entry) {
        return IsFinal(entry->migration.state);
      }));
  for (; finished > kMaxFinished; --finished) {
    // By end time: a migration that took long is not dropped as soon as it ends.
    auto oldest = entries_.end();
    for (auto it = entries_.begin(); it != entries_.end(); ++it) {
      const Migration& migration = (*it)->migration;
      if (!IsFinal(migration.state)) continue;
      if (oldest == entries_.end() || migration.end_time < (*oldest)->migration.end_time) {
        oldest = it;
      }
    }
    dropped_.push_back((*oldest)->migration.id);
    entries_.erase(oldest);
  }
}

std::vector<std::string> MigrationRecords::TakeDropped() { return std::exchange(dropped_, {}); }

std::shared_ptr<MigrationEntry> MigrationRecords::Find(const std::string& id) const {
  for (const auto& entry : entries_) {
    if (entry->migration.id == id) return entry;
  }
  return nullptr;
}

absl::StatusOr<std::optional<Migration>> MigrationRecords::FindRequest(
    const MigrationRequest& request) const {
  if (request.request_id.empty()) return std::nullopt;
  for (const auto& entry : entries_) {
    if (entry->migration.request.request_id != request.request_id) continue;
    if (!entry->migration.is_request_known || AskForTheSame(entry->migration.request, request)) {
      return entry->migration;
    }
    return absl::AlreadyExistsError(absl::StrCat("request_id ", LogSafe(request.request_id),
                                                 ": already names another request, migration ",
                                                 entry->migration.id));
  }
  return std::nullopt;
}

absl::Status MigrationRecords::CheckIdle(const std::vector<Workload>& workloads) const {
  for (const auto& entry : entries_) {
    if (IsFinal(entry->migration.state)) continue;
    for (const WorkloadMigration& busy : entry->migration.workloads) {
      for (const Workload& workload : workloads) {
        if (!busy.workload.Overlaps(workload)) continue;
        return absl::AbortedError(absl::StrCat(workload.ToString(), ": migration ",
                                               entry->migration.id, " is moving it"));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace numalocality
