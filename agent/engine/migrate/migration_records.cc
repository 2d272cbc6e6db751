#include "agent/engine/migrate/migration_records.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/model/access.h"
#include "agent/model/error_details.h"

namespace numalocality {
namespace {

// Whether both have the request_id of the same client. An agent before stored no client.
bool HaveTheSameId(const MigrationRequest& earlier, const MigrationRequest& now) {
  return earlier.request_id == now.request_id &&
         (earlier.created_by == now.created_by || earlier.created_by.empty());
}

bool AskForTheSame(MigrationRequest earlier, MigrationRequest now) {
  earlier.reservation_tokens.clear();
  now.reservation_tokens.clear();
  earlier.created_by = now.created_by;
  return earlier == now;
}

bool IsOfSelfSocket(const Migration& migration) {
  return IsSelfIdentity(migration.request.created_by);
}

// Whether it waits behind the requests of operators and controllers.
bool IsSecondary(const MigrationEntry& entry) {
  return entry.migration.request.origin == MigrationOrigin::kPolicy ||
         IsOfSelfSocket(entry.migration);
}

}  // namespace

absl::Status NoMigration(absl::string_view id) {
  return absl::NotFoundError(absl::StrCat("migration ", LogSafe(id), ": not found"));
}

LogFields EndOf(const Migration& migration) {
  LogFields fields;
  fields.Word("id", migration.id)
      .Word("state", ApiNameOf(migration.state))
      .Word("reason", ApiNameOf(migration.reason))
      .Text("by", migration.request.created_by)
      .Text("request_id", migration.request.request_id);
  return fields;
}

void MigrationRecords::Add(std::shared_ptr<MigrationEntry> entry) {
  entry->version = ++latest_version_;
  by_version_[entry->version] = entry;
  entries_.push_back(std::move(entry));
}

void MigrationRecords::Changed(MigrationEntry& entry) {
  auto node = by_version_.extract(entry.version);
  entry.version = ++latest_version_;
  if (node.empty()) return;  // it has been dropped
  node.key() = entry.version;
  by_version_.insert(std::move(node));
}

std::shared_ptr<MigrationEntry> MigrationRecords::NextChanged(uint64_t version) const {
  const auto next = by_version_.upper_bound(version);
  return next == by_version_.end() ? nullptr : next->second;
}

void MigrationRecords::DropOldest() {
  auto finished =
      static_cast<size_t>(std::count_if(entries_.begin(), entries_.end(), [](const auto& entry) {
        return IsFinal(entry->migration.state);
      }));
  for (; finished > kMaxFinished; --finished) {
    // By end, by the monotonic clock: a migration that took long is not dropped as soon
    // as it ends.
    auto oldest = entries_.end();
    for (auto it = entries_.begin(); it != entries_.end(); ++it) {
      const Migration& migration = (*it)->migration;
      if (!IsFinal(migration.state)) continue;
      if (oldest == entries_.end() || migration.ended_at < (*oldest)->migration.ended_at) {
        oldest = it;
      }
    }
    dropped_.push_back((*oldest)->migration.id);
    by_version_.erase((*oldest)->version);
    entries_.erase(oldest);
  }
}

std::vector<std::string> MigrationRecords::TakeDropped() { return std::exchange(dropped_, {}); }

absl::StatusOr<std::shared_ptr<MigrationEntry>> MigrationRecords::Find(
    const std::string& id) const {
  for (const auto& entry : entries_) {
    if (entry->migration.id == id) return entry;
  }
  return NoMigration(id);
}

absl::StatusOr<std::optional<Migration>> MigrationRecords::FindRequest(
    const MigrationRequest& request) const {
  if (request.request_id.empty()) return std::nullopt;
  for (const auto& entry : entries_) {
    if (!HaveTheSameId(entry->migration.request, request)) continue;
    if (!entry->migration.is_request_known || AskForTheSame(entry->migration.request, request)) {
      return entry->migration;
    }
    return WithDetails(
        absl::AlreadyExistsError(absl::StrCat(
            "request_id ", LogSafe(request.request_id),
            ": belongs to another request already, that of migration ", entry->migration.id)),
        {ErrorReason::kRequestIdUsed, {{"migration_id", entry->migration.id}}});
  }
  return std::nullopt;
}

absl::Status MigrationRecords::CheckIdle(const std::vector<Workload>& workloads) const {
  for (const auto& entry : entries_) {
    if (IsFinal(entry->migration.state)) continue;
    for (const WorkloadMigration& busy : entry->migration.workloads) {
      for (const Workload& workload : workloads) {
        if (!busy.workload.Overlaps(workload)) continue;
        return WithDetails(absl::AbortedError(absl::StrCat(
                               workload.ToString(), ": migration ", entry->migration.id,
                               " is moving it; wait for its end, or cancel it")),
                           {ErrorReason::kMigrationRunning,
                            {{"migration_id", entry->migration.id},
                             {"created_by", entry->migration.request.created_by}}});
      }
    }
  }
  return absl::OkStatus();
}

absl::Status MigrationRecords::CheckOnlyOneOfPod(const Migration& migration) const {
  if (!IsOfSelfSocket(migration) || migration.workloads.empty()) return absl::OkStatus();
  const std::string pod = migration.workloads.front().workload.PodKey();
  for (const auto& entry : entries_) {
    const Migration& other = entry->migration;
    if (IsFinal(other.state) || !IsOfSelfSocket(other) || other.workloads.empty()) continue;
    if (other.workloads.front().workload.PodKey() != pod) continue;
    return WithDetails(
        absl::ResourceExhaustedError(absl::StrCat(
            "migration ", other.id,
            ", which this pod has requested, has not ended; wait for its end, or cancel it")),
        {ErrorReason::kTooManyMigrations, {{"migration_id", other.id}}});
  }
  return absl::OkStatus();
}

int64_t MigrationRecords::StuckBytes(const WorkloadPlacement& placement) const {
  const NodeSet home = placement.home_nodes & placement.allowed_nodes;
  for (auto it = entries_.rbegin(); it != entries_.rend(); ++it) {
    const Migration& migration = (*it)->migration;
    if (!IsFinal(migration.state)) continue;
    for (const WorkloadMigration& result : migration.workloads) {
      if (!result.workload.IsSame(placement.workload) || result.target_nodes != home) continue;
      return (result.outcomes[PageOutcome::kBusy] + result.outcomes[PageOutcome::kPinned]) *
             migration.page_bytes;
    }
  }
  return 0;
}

absl::StatusOr<std::vector<std::shared_ptr<MigrationEntry>>> MigrationRecords::Before(
    const std::string& id, size_t most) const {
  auto next = entries_.rbegin();
  if (!id.empty()) {
    NL_ASSIGN_OR_RETURN(const auto last, Find(id));
    next = std::next(std::find(entries_.rbegin(), entries_.rend(), last));
  }
  const auto left = static_cast<size_t>(entries_.rend() - next);
  return std::vector<std::shared_ptr<MigrationEntry>>(
      next, next + static_cast<std::ptrdiff_t>(std::min(left, most)));
}

void MigrationQueue::Add(const std::shared_ptr<MigrationEntry>& entry) {
  const auto place = IsSecondary(*entry)
                         ? waiting_.end()
                         : std::find_if(waiting_.begin(), waiting_.end(),
                                        [](const auto& e) { return IsSecondary(*e); });
  waiting_.insert(place, entry);
}

void MigrationQueue::Remove(const MigrationEntry& entry) {
  std::erase_if(waiting_, [&](const auto& other) { return other.get() == &entry; });
}

std::shared_ptr<MigrationEntry> MigrationQueue::Take() {
  const auto next = std::find_if(waiting_.begin(), waiting_.end(),
                                 [&](const auto& entry) { return CheckStalled(*entry).ok(); });
  if (next == waiting_.end()) return nullptr;
  std::shared_ptr<MigrationEntry> entry = *next;
  if (IsSecondary(*entry)) {
    if (running_secondary_ >= std::max(1, worker_count_ - 1)) return nullptr;
    ++running_secondary_;
  }
  waiting_.erase(next);
  ++running_;
  return entry;
}

void MigrationQueue::Ended(const MigrationEntry& entry) {
  --running_;
  running_secondary_ -= IsSecondary(entry) && !entry.is_replaced;
  std::erase_if(stalled_, [&](const auto& each) { return each.second == entry.migration.id; });
}

void MigrationQueue::Replaced(MigrationEntry& entry) {
  entry.is_replaced = true;
  running_secondary_ -= IsSecondary(entry);
  const Workload& workload = entry.migration.workloads[entry.workload].workload;
  stalled_.emplace(workload.PodKey(), entry.migration.id);
}

absl::Status MigrationQueue::CheckStalled(const MigrationEntry& entry) const {
  if (entry.migration.request.evacuation.has_value()) return absl::OkStatus();
  for (const WorkloadMigration& each : entry.migration.workloads) {
    const auto [first, last] = stalled_.equal_range(each.workload.PodKey());
    const auto count = std::distance(first, last);
    if (count < kMaxStalledOfPod) continue;
    return WithDetails(
        absl::ResourceExhaustedError(absl::StrCat(
            each.workload.ToString(), ": ", count,
            " migrations of its pod wait for kernel calls that do not return, such as migration ",
            first->second, "; wait until the calls return: see 'localityctl doctor'")),
        {ErrorReason::kCallsStalled, {{"migration_id", first->second}}});
  }
  return absl::OkStatus();
}

}  // namespace numalocality
