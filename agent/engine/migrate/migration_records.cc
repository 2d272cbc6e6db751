#include "agent/engine/migrate/migration_records.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"

namespace numalocality {

const BatchInFlight* MigrationEntry::OldestBatch() const {
  const auto oldest = std::min_element(
      batches.begin(), batches.end(),
      [](const auto& a, const auto& b) { return a.second.start < b.second.start; });
  return oldest == batches.end() ? nullptr : &oldest->second;
}

void MigrationRecords::Add(std::shared_ptr<MigrationEntry> entry) {
  entries_.push_back(std::move(entry));
  auto finished = std::count_if(entries_.begin(), entries_.end(),
                                [](const auto& other) { return IsFinal(other->migration.state); });
  for (auto it = entries_.begin(); finished > static_cast<ptrdiff_t>(kMaxFinished);) {
    const bool is_final = IsFinal((*it)->migration.state);
    it = is_final ? entries_.erase(it) : std::next(it);
    finished -= is_final;
  }
}

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
    if (entry->migration.request == request) return entry->migration;
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
