#include "agent/engine/migrator.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/engine/request_check.h"
#include "agent/engine/stickiness.h"
#include "agent/os/topology_reader.h"

namespace numalocality {

// Carries a run's news into its entry.
class Migrator::Observer final : public MigrationObserver {
 public:
  // `workload`: index of the result that the run is about.
  Observer(Migrator& migrator, MigrationEntry& entry, size_t workload, absl::Duration deadline)
      : migrator_(migrator), entry_(entry), workload_(workload), deadline_(deadline) {}

  MigrationReason StopReason() override {
    MutexLock lock(migrator_.mutex_);
    if (entry_.cancelled) return MigrationReason::kCancelled;
    return migrator_.context_.clock.Monotonic() > deadline_ ? MigrationReason::kDeadline
                                                            : MigrationReason::kNone;
  }

  void OnBatch(int worker, pid_t pid, int64_t pages) override {
    MutexLock lock(migrator_.mutex_);
    entry_.batches[worker] = {pid, pages, migrator_.context_.clock.Monotonic()};
  }

  void OnBatchEnd(int worker) override {
    MutexLock lock(migrator_.mutex_);
    entry_.batches.erase(worker);
    if (!entry_.is_held) return;
    entry_.is_held = false;
    entry_.migration.message.clear();
    entry_.migration.workloads[workload_].message.clear();
    migrator_.Changed(entry_);
  }

  void OnProgress(const WorkloadMigration& result) override {
    MutexLock lock(migrator_.mutex_);
    entry_.migration.workloads[workload_] = result;
    entry_.migration.state = result.state;
    migrator_.Changed(entry_);
  }

 private:
  Migrator& migrator_;
  MigrationEntry& entry_;
  const size_t workload_;
  const absl::Duration deadline_;
};

namespace {

constexpr absl::Duration kWatchdogPeriod = absl::Seconds(1);

// Lets a plan's scan go on while its caller waits.
class PlanObserver final : public MigrationObserver {
 public:
  explicit PlanObserver(absl::FunctionRef<bool()> is_cancelled) : is_cancelled_(is_cancelled) {}
  MigrationReason StopReason() override {
    return is_cancelled_() ? MigrationReason::kCancelled : MigrationReason::kNone;
  }
  void OnBatch(int, pid_t, int64_t) override {}
  void OnBatchEnd(int) override {}
  void OnProgress(const WorkloadMigration&) override {}

 private:
  absl::FunctionRef<bool()> is_cancelled_;
};

// Whoever refused may be someone that no capability helps against.
void NameDeniers(WorkloadMigration& result) {
  if (result.reason != MigrationReason::kPermissionDenied) return;
  absl::StrAppend(&result.message,
                  "; an agent that has the capabilities is refused by its seccomp filter or by a "
                  "security module (SELinux, AppArmor: see the host's audit log)");
}

}  // namespace

Migrator::Migrator(const MigrationContext& context, ContainerResources* runtime)
    : context_(context),
      runtime_(runtime),
      finder_(context.paths),
      id_base_(absl::ToUnixSeconds(context.clock.Now())) {}

Migrator::~Migrator() {
  Shutdown(absl::ZeroDuration());
  if (watchdog_.joinable()) watchdog_.join();
  std::vector<std::thread> workers;
  {
    MutexLock lock(mutex_);
    workers.swap(workers_);
  }
  for (std::thread& worker : workers) worker.join();
}

void Migrator::Start(int workers) {
  MutexLock lock(mutex_);
  for (int i = 0; i < workers; ++i) workers_.emplace_back([this] { RunWorker(); });
  watchdog_ = std::thread([this] { RunWatchdog(); });
}

absl::StatusOr<Migration> Migrator::Submit(const MigrationRequest& request) {
  {
    MutexLock lock(mutex_);
    NL_ASSIGN_OR_RETURN(std::optional<Migration> earlier, records_.FindRequest(request));
    if (earlier.has_value()) return *std::move(earlier);
  }
  NL_ASSIGN_OR_RETURN(const std::vector<Workload> workloads,
                      ResolveRequest(context_, runtime_, request));
  auto entry = std::make_shared<MigrationEntry>();
  NL_ASSIGN_OR_RETURN(const Topology topology, TopologyReader(context_.paths).Read());
  entry->migration = NewRecord(request, workloads, topology.page_bytes);
  MutexLock lock(mutex_);
  if (stopping_) return absl::UnavailableError("the agent is shutting down");
  // The same request may have come in twice at once.
  NL_ASSIGN_OR_RETURN(std::optional<Migration> earlier, records_.FindRequest(request));
  if (earlier.has_value()) return *std::move(earlier);
  NL_RETURN_IF_ERROR(records_.CheckIdle(workloads));
  if (pending_.size() >= kMaxPending) {
    return absl::ResourceExhaustedError(absl::StrCat(
        pending_.size(), " migrations are waiting for their turn already; try again later"));
  }
  entry->migration.id = absl::StrFormat("%x-%d", id_base_, ++last_number_);
  records_.Add(entry);
  pending_.push_back(entry);
  changed_.NotifyAll();
  return entry->migration;
}

absl::StatusOr<Migration> Migrator::Plan(const MigrationRequest& request,
                                         absl::FunctionRef<bool()> is_cancelled) {
  PlanObserver observer(is_cancelled);
  NL_ASSIGN_OR_RETURN(const std::vector<Workload> workloads,
                      ResolveRequest(context_, runtime_, request));
  NL_ASSIGN_OR_RETURN(const Topology topology, TopologyReader(context_.paths).Read());
  Migration plan = NewRecord(request, workloads, topology.page_bytes);
  for (WorkloadMigration& result : plan.workloads) {
    NL_ASSIGN_OR_RETURN(const WorkloadProcesses processes, finder_.ListProcesses(result.workload));
    if (is_cancelled()) return absl::CancelledError("the caller has gone");
    result = PlanMigration(context_, result.workload, processes, request.spec, observer);
    NameDeniers(result);
  }
  return plan;
}

Migration Migrator::NewRecord(const MigrationRequest& request,
                              const std::vector<Workload>& workloads, int64_t page_bytes) const {
  Migration migration;
  migration.request = request;
  migration.page_bytes = page_bytes;
  migration.create_time = context_.clock.Now();
  for (const Workload& workload : workloads) {
    WorkloadMigration result;
    result.workload = workload;
    migration.workloads.push_back(std::move(result));
  }
  return migration;
}

absl::StatusOr<Migration> Migrator::Get(const std::string& id) const {
  MutexLock lock(mutex_);
  const auto entry = records_.Find(id);
  if (entry == nullptr)
    return absl::NotFoundError(absl::StrCat("migration ", LogSafe(id), ": not found"));
  return entry->migration;
}

std::vector<Migration> Migrator::List() const {
  MutexLock lock(mutex_);
  std::vector<Migration> migrations;
  for (const auto& entry : records_.entries()) migrations.push_back(entry->migration);
  return migrations;
}

absl::StatusOr<Migration> Migrator::Cancel(const std::string& id) {
  MutexLock lock(mutex_);
  const auto entry = records_.Find(id);
  if (entry == nullptr)
    return absl::NotFoundError(absl::StrCat("migration ", LogSafe(id), ": not found"));
  if (!IsFinal(entry->migration.state)) entry->cancelled = true;
  if (entry->migration.state == MigrationState::kPending) EndPending(*entry);
  return entry->migration;
}

absl::StatusOr<MigrationSnapshot> Migrator::WaitForChange(const std::string& id,
                                                          uint64_t seen_version,
                                                          absl::Duration timeout) const {
  const absl::Duration end = context_.clock.Monotonic() + timeout;
  MutexLock lock(mutex_);
  const auto entry = records_.Find(id);
  if (entry == nullptr)
    return absl::NotFoundError(absl::StrCat("migration ", LogSafe(id), ": not found"));
  while (entry->version == seen_version) {
    const absl::Duration left = end - context_.clock.Monotonic();
    if (left <= absl::ZeroDuration()) break;
    changed_.WaitFor(mutex_, left);
  }
  return MigrationSnapshot{entry->migration, entry->version};
}

std::vector<std::string> Migrator::Shutdown(absl::Duration grace) {
  const absl::Duration end = context_.clock.Monotonic() + grace;
  MutexLock lock(mutex_);
  stopping_ = true;
  stop_.NotifyAll();
  for (const auto& entry : records_.entries()) {
    if (!IsFinal(entry->migration.state)) entry->cancelled = true;
    if (entry->migration.state == MigrationState::kPending) EndPending(*entry);
  }
  changed_.NotifyAll();
  while (running_ > 0) {
    const absl::Duration left = end - context_.clock.Monotonic();
    if (left <= absl::ZeroDuration()) break;
    changed_.WaitFor(mutex_, left);
  }
  std::vector<std::string> held;
  for (const auto& entry : records_.entries()) {
    if (IsFinal(entry->migration.state)) continue;
    held.push_back(absl::StrCat("migration ", entry->migration.id, ": ", DescribeCall(*entry)));
  }
  return held;
}

void Migrator::EndPending(MigrationEntry& entry) {
  std::erase_if(pending_, [&](const auto& other) { return other.get() == &entry; });
  for (WorkloadMigration& result : entry.migration.workloads) {
    result.state = MigrationState::kCancelled;
    result.reason = MigrationReason::kCancelled;
  }
  Conclude(entry.migration);
  entry.migration.end_time = context_.clock.Now();
  Changed(entry);
}

std::string Migrator::DescribeCall(const MigrationEntry& entry) const {
  const BatchInFlight* batch = entry.OldestBatch();
  if (batch == nullptr) return "the kernel holds a read of its processes' memory";
  return absl::StrCat("the kernel has held move_pages of ", batch->pages, " pages of process ",
                      batch->pid, " for ",
                      absl::FormatDuration(context_.clock.Monotonic() - batch->start));
}

void Migrator::FindHeldCalls() {
  const absl::Duration now = context_.clock.Monotonic();
  MutexLock lock(mutex_);
  for (const auto& entry : records_.entries()) {
    const BatchInFlight* batch = entry->OldestBatch();
    if (batch == nullptr || now - batch->start <= kHeldTooLong) continue;
    const std::string message = DescribeCall(*entry);
    if (!entry->is_held) LogWarning(absl::StrCat("migration ", entry->migration.id, ": ", message));
    entry->is_held = true;
    entry->migration.message = message;
    entry->migration.workloads[entry->workload].message = message;
    Changed(*entry);
    if (entry->is_replaced || pending_.empty() || replaced_ >= kMaxReplaced || stopping_) continue;
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
      if (!stopping_) stop_.WaitFor(mutex_, kWatchdogPeriod);
      if (stopping_) return;
    }
    FindHeldCalls();
  }
}

void Migrator::RunWorker() {
  while (true) {
    std::shared_ptr<MigrationEntry> entry;
    {
      MutexLock lock(mutex_);
      while (pending_.empty() && !stopping_) changed_.Wait(mutex_);
      if (pending_.empty()) return;
      entry = pending_.front();
      pending_.pop_front();
      ++running_;
      entry->migration.state = MigrationState::kRunning;
      entry->migration.start_time = context_.clock.Now();
      Changed(*entry);
    }
    Execute(entry);
    MutexLock lock(mutex_);
    --running_;
    changed_.NotifyAll();
    if (!entry->is_replaced) continue;
    --replaced_;
    retired_.insert(std::this_thread::get_id());
    return;  // the replacement stays
  }
}

WorkloadMigration Migrator::ExecuteOne(const Workload& workload, const MigrationRequest& request,
                                       MigrationObserver& observer) const {
  const auto processes = finder_.ListProcesses(workload);
  if (processes.ok() && !processes->pids.empty()) {
    const auto run = [&] {
      return RunMigration(context_, workload, *processes, request.spec, observer);
    };
    if (request.stick == StickMode::kNone) return run();
    return RunSticky(context_, *runtime_, workload, request, observer, run);
  }
  WorkloadMigration result;
  result.workload = workload;
  result.state = MigrationState::kFailed;
  if (processes.ok() && processes->hidden_count > 0) {
    result.reason = MigrationReason::kIncomplete;
    result.hidden_process_count = processes->hidden_count;
    result.message = workload.ToString() + ": its processes are outside the agent's PID namespace";
  } else if (processes.ok() || absl::IsNotFound(processes.status())) {
    result.reason = MigrationReason::kWorkloadGone;
    result.message = workload.ToString() + ": has no process any more";
  } else {
    result.reason = absl::IsPermissionDenied(processes.status())
                        ? MigrationReason::kPermissionDenied
                        : MigrationReason::kInternal;
    result.message = std::string(processes.status().message());
  }
  return result;
}

void Migrator::Execute(const std::shared_ptr<MigrationEntry>& entry) {
  // Only the worker that runs an entry changes its request and its list of workloads.
  const MigrationRequest& request = entry->migration.request;
  const absl::Duration deadline = context_.clock.Monotonic() + request.spec.deadline;
  for (size_t i = 0; i < entry->migration.workloads.size(); ++i) {
    Observer observer(*this, *entry, i, deadline);
    const Workload workload = entry->migration.workloads[i].workload;
    {
      MutexLock lock(mutex_);
      entry->workload = i;
    }
    WorkloadMigration result = ExecuteOne(workload, request, observer);
    NameDeniers(result);
    MutexLock lock(mutex_);
    entry->batches.clear();
    entry->migration.workloads[i] = std::move(result);
    Changed(*entry);
  }
  std::string ending;
  {
    MutexLock lock(mutex_);
    Migration& migration = entry->migration;
    Conclude(migration);
    migration.end_time = context_.clock.Now();
    Changed(*entry);
    ending = absl::StrCat("migration ended id=", migration.id,
                          " state=", MigrationStateName(migration.state),
                          " reason=", MigrationReasonName(migration.reason));
  }
  LogInfo(ending);
}

void Migrator::Changed(MigrationEntry& entry) {
  ++entry.version;
  changed_.NotifyAll();
}

}  // namespace numalocality
