// The part of the Migrator that watches its migrations: tells listeners of them, and finds kernel
// calls that do not return.
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"
#include "agent/engine/migrate/migrator.h"

namespace numalocality {
namespace {

constexpr absl::Duration kWatchdogPeriod = absl::Seconds(1);

}  // namespace

void Migrator::Tell(MigrationEntry& entry) {
  MutexLock one_at_a_time(notifying_);
  Migration now;
  {
    MutexLock lock(mutex_);
    if (entry.told_end) return;
    entry.told_end = IsFinal(entry.migration.state);
    entry.told_version = entry.version;
    now = entry.migration;
  }
  NotifyListeners(now);
  RemoveDropped();
}

void Migrator::NotifyListeners(const Migration& migration) const {
  Save(migration);
  for (MigrationListener* const listener : listeners_) listener->OnMigration(migration);
}

void Migrator::Save(const Migration& migration) const {
  if (store_ == nullptr) return;
  const absl::Status status = store_->Save(migration);
  if (!status.ok()) LogError(absl::StrCat("migration ", migration.id, ": ", status.message()));
}

void Migrator::RemoveDropped() {
  std::vector<std::string> dropped;
  {
    MutexLock lock(mutex_);
    dropped = records_.TakeDropped();
  }
  if (store_ == nullptr) return;
  for (const std::string& id : dropped) {
    const absl::Status status = store_->Remove(id);
    if (!status.ok()) LogError(absl::StrCat("migration ", LogSafe(id), ": ", status.message()));
  }
}

void Migrator::NotifyProgress() {
  std::vector<std::shared_ptr<MigrationEntry>> changed;
  {
    MutexLock lock(mutex_);
    for (const auto& entry : records_.entries()) {
      if (entry->migration.state == MigrationState::kPending || IsFinal(entry->migration.state) ||
          entry->version == entry->told_version) {
        continue;
      }
      changed.push_back(entry);
    }
  }
  for (const auto& entry : changed) Tell(*entry);
}

std::string Migrator::DescribeCall(const MigrationEntry& entry) const {
  const BatchInFlight* batch = entry.OldestBatch();
  if (batch == nullptr) return "the kernel holds a read of its processes' memory";
  return absl::StrCat("the kernel has held move_pages of ", batch->pages, " pages of process ",
                      batch->pid, " for ",
                      absl::FormatDuration(context_.clock.Monotonic() - batch->start));
}

void Migrator::FindStalledCalls() {
  const absl::Duration now = context_.clock.Monotonic();
  MutexLock lock(mutex_);
  for (const auto& entry : records_.entries()) {
    const BatchInFlight* batch = entry->OldestBatch();
    if (batch == nullptr || now - batch->start <= kStalledAfter) continue;
    const std::string message = DescribeCall(*entry);
    if (!entry->is_stalled)
      LogWarning(absl::StrCat("migration ", entry->migration.id, ": ", message));
    entry->is_stalled = true;
    entry->migration.message = message;
    entry->migration.workloads[entry->workload].message = message;
    Changed(*entry);
    if (entry->is_replaced || queue_.waiting_count() == 0 || replaced_ >= kMaxReplaced || stopping_)
      continue;
    entry->is_replaced = true;
    ++replaced_;
    std::erase_if(workers_, [this](std::thread& worker) ABSL_NO_THREAD_SAFETY_ANALYSIS {
      if (retired_.erase(worker.get_id()) == 0) return false;
      worker.join();
      return true;
    });
    workers_.emplace_back([this] { RunWorker(); });
  }
}

void Migrator::RunWatchdog() {
  while (true) {
    {
      MutexLock lock(mutex_);
      while (queue_.running_count() == 0 && !stopping_) changed_.Wait(mutex_);
      if (!stopping_) stop_.WaitFor(mutex_, kWatchdogPeriod);
      if (stopping_) return;
    }
    FindStalledCalls();
    NotifyProgress();
  }
}

}  // namespace numalocality
