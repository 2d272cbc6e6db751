#include "agent/engine/migrate/migrator.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/base/log.h"
#include "agent/base/log_fields.h"
#include "agent/base/status.h"
#include "agent/engine/migrate/execution.h"
#include "agent/engine/migrate/recovery.h"
#include "agent/model/error_details.h"

namespace numalocality {

// Writes the progress of a migration into its entry, and what it waits for into the watchdog.
class Migrator::Observer final : public MigrationObserver {
 public:
  // `workload`: index of the workload that is being moved.
  Observer(Migrator& migrator, MigrationEntry& entry, size_t workload, absl::Duration deadline)
      : migrator_(migrator), entry_(entry), workload_(workload), deadline_(deadline) {}

  // Reads begin; those before have returned.
  void BeginReads() {
    MutexLock lock(migrator_.mutex_);
    BeginReadsLocked();
  }

  MigrationReason StopReason() override {
    MutexLock lock(migrator_.mutex_);
    BeginReadsLocked();
    if (entry_.cancelled) return MigrationReason::kCancelled;
    return migrator_.context_.clock.Monotonic() > deadline_ ? MigrationReason::kDeadline
                                                            : MigrationReason::kNone;
  }

  void OnBatch(int worker, pid_t pid, int64_t pages) override {
    MutexLock lock(migrator_.mutex_);
    migrator_.watchdog_.EndCall(entry_.watch, kReader);
    migrator_.watchdog_.BeginCall(entry_.watch, worker,
                                  absl::StrCat("move_pages of ", pages, " pages of process ", pid));
  }

  void OnBatchEnd(int worker) override {
    MutexLock lock(migrator_.mutex_);
    migrator_.watchdog_.EndCall(entry_.watch, worker);
    BeginReadsLocked();
  }

  void OnProgress(const WorkloadMigration& result) override {
    MutexLock lock(migrator_.mutex_);
    entry_.migration.workloads[workload_] = result;
    entry_.migration.state = result.state;
    migrator_.Changed(entry_);
  }

 private:
  // The watchdog's worker for all reads of a migration: they are in time while any of its threads
  // asks whether to stop.
  static constexpr int kReader = -1;

  void BeginReadsLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(migrator_.mutex_) {
    const bool sticks = entry_.migration.request.stick != StickMode::kNone;
    migrator_.watchdog_.BeginCall(entry_.watch, kReader,
                                  sticks ? "a read of its processes' memory, or a write of its "
                                           "cpuset.mems,"
                                         : "a read of its processes' memory");
    if (!entry_.is_stalled || migrator_.watchdog_.HasStalled(entry_.watch)) return;
    entry_.is_stalled = false;
    entry_.migration.message.clear();
    entry_.migration.workloads[workload_].message.clear();
    migrator_.Changed(entry_);
  }

  Migrator& migrator_;
  MigrationEntry& entry_;
  const size_t workload_;
  const absl::Duration deadline_;
};

namespace {

void LogIfError(const absl::Status& status) {
  if (!status.ok()) LogError(status.message());
}

void End(const Clock& clock, Migration& migration) {
  migration.end_time = clock.Now();
  migration.ended_at = clock.Monotonic();
}

}  // namespace

Migrator::Migrator(const EngineContext& context, ContainerResources* runtime)
    : context_(context),
      runtime_(runtime),
      host_bandwidth_(context.clock, 0),
      reservations_(context.clock),
      id_base_(absl::ToUnixSeconds(context.clock.Now())),
      limits_(context.limits),
      watchdog_(context.clock,
                [this] {
                  FindStalledCalls();
                  NotifyProgress();
                }),
      workers_(kMaxReplaced, [this] {
        MutexLock lock(mutex_);
        BeginNext();
      }) {}

Migrator::~Migrator() {
  Shutdown(absl::ZeroDuration());
  watchdog_.Stop();
}

absl::Status Migrator::Restore(MigrationStore& store) {
  NL_ASSIGN_OR_RETURN(std::vector<Migration> earlier, LoadEarlier(context_, store));
  publisher_.SetStore(&store);
  for (Migration& migration : earlier) {
    auto entry = std::make_shared<MigrationEntry>();
    entry->migration = std::move(migration);
    entry->notified_end = true;
    MutexLock lock(mutex_);
    records_.Add(std::move(entry));
  }
  MutexLock lock(mutex_);
  records_.DropOldest();
  for (const std::string& id : records_.TakeDropped()) LogIfError(store.Remove(id));
  return absl::OkStatus();
}

void Migrator::Start(int workers) {
  SetWorkers(workers);
  watchdog_.Start();
}

void Migrator::SetWorkers(int count) {
  MutexLock lock(mutex_);
  queue_.SetWorkers(count);
  workers_.SetWorkers(count);
  BeginNext();
}

void Migrator::SetLimits(const HostLimits& limits, int64_t bytes_per_second) {
  host_bandwidth_.SetRate(bytes_per_second);
  MutexLock lock(mutex_);
  limits_ = limits;
}

HostLimits Migrator::Limits() const {
  MutexLock lock(mutex_);
  return limits_;
}

EngineContext Migrator::ContextNow() {
  EngineContext context = context_;
  context.bandwidth = &host_bandwidth_;
  context.limits = Limits();
  return context;
}

absl::StatusOr<Migration> Migrator::Submit(const MigrationRequest& request, const Access& access,
                                           absl::FunctionRef<bool()> is_cancelled) {
  {
    MutexLock lock(mutex_);
    NL_ASSIGN_OR_RETURN(std::optional<Migration> earlier, records_.FindRequest(request));
    if (earlier.has_value()) {
      NL_RETURN_IF_ERROR(access.CheckSee(*earlier));
      return *std::move(earlier);
    }
  }
  NL_ASSIGN_OR_RETURN(const Admission admission,
                      Admit(ContextNow(), runtime_, request, access, is_cancelled));
  auto entry = std::make_shared<MigrationEntry>();
  entry->migration = NewRecord(request, admission);
  absl::StatusOr<Migration> migration;
  // Enqueued while publishing: however soon it ends, its end is published after its beginning.
  publisher_.Publish([&] {
    migration = Enqueue(entry);
    const bool is_new = migration.ok() && !entry->migration.id.empty();
    return is_new ? RecordChanges{*migration, {}} : RecordChanges();
  });
  return migration;
}

absl::StatusOr<Migration> Migrator::Enqueue(const std::shared_ptr<MigrationEntry>& entry) {
  const MigrationRequest& request = entry->migration.request;
  const std::vector<Workload> workloads = entry->migration.Workloads();
  MutexLock lock(mutex_);
  if (stopping_) return absl::UnavailableError("the agent is shutting down");
  // The same request may have come in twice at once.
  NL_ASSIGN_OR_RETURN(std::optional<Migration> earlier, records_.FindRequest(request));
  if (earlier.has_value()) return *std::move(earlier);
  NL_RETURN_IF_ERROR(records_.CheckIdle(workloads));
  NL_RETURN_IF_ERROR(records_.CheckOnlyOneOfPod(entry->migration));
  NL_RETURN_IF_ERROR(queue_.CheckStalled(*entry));
  NL_RETURN_IF_ERROR(reservations_.Check(workloads, request.reservation_tokens));
  if (queue_.waiting_count() >= kMaxPending) {
    return WithDetails(
        absl::ResourceExhaustedError(absl::StrCat(
            queue_.waiting_count(), " migrations are waiting already; try again later")),
        {ErrorReason::kTooManyMigrations});
  }
  // An earlier agent may have started in the same second, or the clock may have been set back.
  do {
    entry->migration.id = absl::StrFormat("%x-%d", id_base_, ++last_number_);
  } while (records_.Find(entry->migration.id).ok());
  records_.Add(entry);
  changed_.NotifyAll();
  queue_.Add(entry);
  Migration migration = entry->migration;  // PENDING
  BeginNext();
  return migration;
}

void Migrator::BeginNext() {
  while (workers_.HasFree()) {
    const std::shared_ptr<MigrationEntry> entry = queue_.Take();
    if (entry == nullptr) return;
    entry->migration.state = MigrationState::kRunning;
    entry->migration.start_time = context_.clock.Now();
    entry->migration.started_at = context_.clock.Monotonic();
    entry->watch = watchdog_.Begin(absl::StrCat("migration ", entry->migration.id));
    entry->job = workers_.Run([this, entry] { Run(entry); });
    Changed(*entry);
  }
}

absl::StatusOr<Reservation> Migrator::Reserve(const ReservationRequest& request) {
  MutexLock lock(mutex_);
  if (request.token.empty()) {
    NL_ASSIGN_OR_RETURN(std::optional<Reservation> earlier, reservations_.FindRequest(request));
    if (earlier.has_value()) return *std::move(earlier);
    NL_RETURN_IF_ERROR(records_.CheckIdle(request.workloads));
  }
  return reservations_.Reserve(request);
}

int64_t Migrator::StuckBytes(const WorkloadPlacement& placement) const {
  MutexLock lock(mutex_);
  return records_.StuckBytes(placement);
}

int Migrator::ActiveCount() const {
  MutexLock lock(mutex_);
  return queue_.running_count() + static_cast<int>(queue_.waiting_count());
}

std::vector<Workload> Migrator::StalledRepairs() const {
  std::vector<Workload> stalled;
  MutexLock lock(mutex_);
  for (const auto& entry : records_.entries()) {
    if (!entry->is_replaced || !entry->is_stalled || IsFinal(entry->migration.state)) continue;
    if (entry->migration.request.origin != MigrationOrigin::kPolicy) continue;
    for (const Workload& workload : entry->migration.Workloads()) stalled.push_back(workload);
  }
  return stalled;
}

absl::StatusOr<Migration> Migrator::Plan(const MigrationRequest& request,
                                         absl::FunctionRef<bool()> is_cancelled,
                                         const Access& access) {
  const EngineContext context = ContextNow();
  NL_ASSIGN_OR_RETURN(const Admission admission,
                      Admit(context, runtime_, request, access, is_cancelled));
  Migration plan = NewRecord(request, admission);
  NL_ASSIGN_OR_RETURN(plan.workloads, PlanMigration(context, admission, request, is_cancelled));
  return plan;
}

Migration Migrator::NewRecord(const MigrationRequest& request, const Admission& admission) const {
  Migration migration;
  migration.request = request;
  migration.page_bytes = admission.topology.page_bytes;
  migration.create_time = context_.clock.Now();
  migration.workloads = admission.workloads;
  migration.estimate = request.estimate;
  return migration;
}

absl::StatusOr<Migration> Migrator::Get(const std::string& id) const {
  NL_ASSIGN_OR_RETURN(MigrationSnapshot snapshot, Snapshot(id));
  return std::move(snapshot.migration);
}

absl::StatusOr<MigrationSnapshot> Migrator::Snapshot(const std::string& id) const {
  MutexLock lock(mutex_);
  NL_ASSIGN_OR_RETURN(const auto entry, records_.Find(id));
  return MigrationSnapshot{entry->migration, entry->version};
}

std::vector<Migration> Migrator::List() const {
  const std::vector<Migration> newest_first = ListBefore("", SIZE_MAX).value();
  return {newest_first.rbegin(), newest_first.rend()};
}

absl::StatusOr<std::vector<Migration>> Migrator::ListBefore(const std::string& id,
                                                            size_t most) const {
  std::vector<std::shared_ptr<MigrationEntry>> entries;
  {
    MutexLock lock(mutex_);
    NL_ASSIGN_OR_RETURN(entries, records_.Before(id, most));
  }
  std::vector<Migration> migrations;
  for (const auto& entry : entries) {
    MutexLock lock(mutex_);
    migrations.push_back(entry->migration);
  }
  return migrations;
}

absl::StatusOr<Migration> Migrator::Cancel(const std::string& id) {
  std::shared_ptr<MigrationEntry> entry;
  Migration now;
  {
    MutexLock lock(mutex_);
    NL_ASSIGN_OR_RETURN(entry, records_.Find(id));
    if (!IsFinal(entry->migration.state)) entry->cancelled = true;
    if (entry->migration.state != MigrationState::kPending) return entry->migration;
    EndPending(*entry);
    now = entry->migration;
    records_.DropOldest();
  }
  Notify(*entry);
  return now;
}

uint64_t Migrator::WaitForAnyChange(uint64_t seen_version, absl::Duration timeout) const {
  const absl::Duration end = context_.clock.Monotonic() + timeout;
  MutexLock lock(mutex_);
  while (records_.latest_version() <= seen_version) {
    const absl::Duration left = end - context_.clock.Monotonic();
    if (left <= absl::ZeroDuration()) break;
    changed_.WaitFor(mutex_, left);
  }
  return records_.latest_version();
}

std::optional<MigrationSnapshot> Migrator::NextChange(uint64_t seen_version) const {
  MutexLock lock(mutex_);
  const auto entry = records_.NextChanged(seen_version);
  if (entry == nullptr) return std::nullopt;
  return MigrationSnapshot{entry->migration, entry->version};
}

std::vector<std::string> Migrator::Shutdown(absl::Duration grace) {
  const absl::Duration end = context_.clock.Monotonic() + grace;
  std::vector<std::shared_ptr<MigrationEntry>> ended;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    for (const auto& entry : records_.entries()) {
      if (IsFinal(entry->migration.state)) continue;
      entry->cancelled = true;
      entry->interrupted = true;
      if (entry->migration.state != MigrationState::kPending) continue;
      EndPending(*entry);
      ended.push_back(entry);
    }
    records_.DropOldest();
    changed_.NotifyAll();
  }
  for (const auto& entry : ended) Notify(*entry);
  MutexLock lock(mutex_);
  while (queue_.running_count() > 0) {
    const absl::Duration left = end - context_.clock.Monotonic();
    if (left <= absl::ZeroDuration()) break;
    changed_.WaitFor(mutex_, left);
  }
  std::vector<std::string> stalled;
  for (const auto& entry : records_.entries()) {
    if (IsFinal(entry->migration.state)) continue;
    stalled.push_back(
        absl::StrCat("migration ", entry->migration.id, ": ", watchdog_.Describe(entry->watch)));
  }
  return stalled;
}

void Migrator::EndPending(MigrationEntry& entry) {
  queue_.Remove(entry);
  for (WorkloadMigration& result : entry.migration.workloads) {
    result.state = MigrationState::kCancelled;
    result.reason = entry.interrupted ? MigrationReason::kInterrupted : MigrationReason::kCancelled;
  }
  Conclude(entry.migration);
  End(context_.clock, entry.migration);
  Changed(entry);
}

void Migrator::Run(const std::shared_ptr<MigrationEntry>& entry) {
  Execute(entry);
  MutexLock lock(mutex_);
  watchdog_.End(entry->watch);
  queue_.Ended(*entry);
  changed_.NotifyAll();
}

void Migrator::Execute(const std::shared_ptr<MigrationEntry>& entry) {
  // Only the worker that runs an entry changes its request and its list of workloads.
  const MigrationRequest& request = entry->migration.request;
  std::optional<RepairEstimate> estimate = entry->migration.estimate;
  const absl::Duration deadline = context_.clock.Monotonic() + request.spec.deadline;
  for (size_t i = 0; i < entry->migration.workloads.size(); ++i) {
    Observer observer(*this, *entry, i, deadline);
    const WorkloadMigration admitted = entry->migration.workloads[i];
    {
      MutexLock lock(mutex_);
      entry->workload = i;
    }
    watchdog_.Rename(entry->watch, absl::StrCat("migration ", entry->migration.id, " of ",
                                                admitted.workload.ToString()));
    observer.BeginReads();
    const EngineContext context = ContextNow();
    WorkloadMigration result = MigrateWorkload(context, runtime_, admitted, request, observer);
    observer.BeginReads();
    // A repair has one workload.
    if (estimate.has_value()) MeasureRepair(context_, admitted.workload, *estimate);
    observer.BeginReads();
    MutexLock lock(mutex_);
    watchdog_.EndCalls(entry->watch);
    if (entry->interrupted && result.reason == MigrationReason::kCancelled) {
      result.reason = MigrationReason::kInterrupted;
    }
    entry->migration.workloads[i] = std::move(result);
    Changed(*entry);
  }
  LogFields ending;
  {
    MutexLock lock(mutex_);
    Migration& migration = entry->migration;
    Conclude(migration);
    migration.estimate = estimate;
    End(context_.clock, migration);
    records_.DropOldest();
    Changed(*entry);
    ending = EndOf(migration);
  }
  LogInfo("migration ended", ending);
  Notify(*entry);
}

void Migrator::Changed(MigrationEntry& entry) {
  records_.Changed(entry);
  changed_.NotifyAll();
}

void Migrator::Notify(MigrationEntry& entry) {
  publisher_.Publish([&] {
    RecordChanges changes;
    MutexLock lock(mutex_);
    changes.dropped = records_.TakeDropped();
    if (entry.notified_end) return changes;
    entry.notified_end = IsFinal(entry.migration.state);
    entry.notified_version = entry.version;
    changes.changed = entry.migration;
    return changes;
  });
}

void Migrator::NotifyProgress() {
  std::vector<std::shared_ptr<MigrationEntry>> changed;
  {
    MutexLock lock(mutex_);
    for (const auto& entry : records_.entries()) {
      if (entry->migration.state == MigrationState::kPending || IsFinal(entry->migration.state) ||
          entry->version == entry->notified_version) {
        continue;
      }
      changed.push_back(entry);
    }
  }
  for (const auto& entry : changed) Notify(*entry);
}

void Migrator::FindStalledCalls() {
  MutexLock lock(mutex_);
  for (const auto& entry : records_.entries()) {
    if (!watchdog_.HasStalled(entry->watch)) continue;
    const std::string message = watchdog_.Describe(entry->watch);
    entry->is_stalled = true;
    entry->migration.message = message;
    entry->migration.workloads[entry->workload].message = message;
    Changed(*entry);
    if (workers_.Replace(entry->job)) queue_.Replaced(*entry);
  }
  BeginNext();
}

}  // namespace numalocality
