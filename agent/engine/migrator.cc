#include "agent/engine/migrator.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/os/topology_reader.h"

namespace numalocality {

// A migration's record and what its run needs; guarded by Migrator::mutex_.
struct Migrator::Entry {
  Migration migration;
  uint64_t version = 1;
  bool cancelled = false;
  // The batch that the kernel has now; pages 0 when there is none.
  pid_t batch_pid = 0;
  int64_t batch_pages = 0;
  absl::Duration batch_start;
};

// Carries a run's news into its entry.
class Migrator::Observer final : public MigrationObserver {
 public:
  // `workload`: index of the result that the run is about.
  Observer(Migrator& migrator, Entry& entry, size_t workload, absl::Duration deadline)
      : migrator_(migrator), entry_(entry), workload_(workload), deadline_(deadline) {}

  MigrationReason StopReason() override {
    MutexLock lock(migrator_.mutex_);
    entry_.batch_pages = 0;
    if (entry_.cancelled) return MigrationReason::kCancelled;
    return migrator_.context_.clock.Monotonic() > deadline_ ? MigrationReason::kDeadline
                                                            : MigrationReason::kNone;
  }

  void OnBatch(pid_t pid, int64_t pages) override {
    MutexLock lock(migrator_.mutex_);
    entry_.batch_pid = pid;
    entry_.batch_pages = pages;
    entry_.batch_start = migrator_.context_.clock.Monotonic();
  }

  void OnProgress(const WorkloadMigration& result) override {
    MutexLock lock(migrator_.mutex_);
    entry_.batch_pages = 0;
    entry_.migration.workloads[workload_] = result;
    entry_.migration.state = result.state;
    migrator_.Changed(entry_);
  }

 private:
  Migrator& migrator_;
  Entry& entry_;
  const size_t workload_;
  const absl::Duration deadline_;
};

namespace {

// Lets a plan's scan go on while its caller waits.
class PlanObserver final : public MigrationObserver {
 public:
  explicit PlanObserver(absl::FunctionRef<bool()> is_cancelled) : is_cancelled_(is_cancelled) {}
  MigrationReason StopReason() override {
    return is_cancelled_() ? MigrationReason::kCancelled : MigrationReason::kNone;
  }
  void OnBatch(pid_t, int64_t) override {}
  void OnProgress(const WorkloadMigration&) override {}

 private:
  absl::FunctionRef<bool()> is_cancelled_;
};

}  // namespace

Migrator::Migrator(const MigrationContext& context)
    : context_(context),
      finder_(context.paths),
      id_base_(absl::ToUnixSeconds(context.clock.Now())) {}

Migrator::~Migrator() {
  Shutdown(absl::ZeroDuration());
  for (std::thread& worker : workers_) worker.join();
}

void Migrator::Start(int workers) {
  for (int i = 0; i < workers; ++i) workers_.emplace_back([this] { RunWorker(); });
}

absl::StatusOr<Migration> Migrator::Submit(const MigrationRequest& request) {
  {
    MutexLock lock(mutex_);
    NL_ASSIGN_OR_RETURN(std::optional<Migration> earlier, FindRequest(request));
    if (earlier.has_value()) return *std::move(earlier);
  }
  NL_ASSIGN_OR_RETURN(const std::vector<Workload> workloads, Resolve(request));
  auto entry = std::make_shared<Entry>();
  NL_ASSIGN_OR_RETURN(const Topology topology, TopologyReader(context_.paths).Read());
  entry->migration = NewRecord(request, workloads, topology.page_bytes);
  MutexLock lock(mutex_);
  if (stopping_) return absl::UnavailableError("the agent is shutting down");
  // The same request may have come in twice at once.
  NL_ASSIGN_OR_RETURN(std::optional<Migration> earlier, FindRequest(request));
  if (earlier.has_value()) return *std::move(earlier);
  NL_RETURN_IF_ERROR(CheckIdle(workloads));
  if (pending_.size() >= kMaxPending) {
    return absl::ResourceExhaustedError(absl::StrCat(
        pending_.size(), " migrations are waiting for their turn already; try again later"));
  }
  entry->migration.id = absl::StrFormat("%x-%d", id_base_, ++last_number_);
  entries_.push_back(entry);
  pending_.push_back(entry);
  ForgetOldest();
  changed_.NotifyAll();
  return entry->migration;
}

absl::StatusOr<Migration> Migrator::Plan(const MigrationRequest& request,
                                         absl::FunctionRef<bool()> is_cancelled) {
  PlanObserver observer(is_cancelled);
  NL_ASSIGN_OR_RETURN(const std::vector<Workload> workloads, Resolve(request));
  NL_ASSIGN_OR_RETURN(const Topology topology, TopologyReader(context_.paths).Read());
  Migration plan = NewRecord(request, workloads, topology.page_bytes);
  for (WorkloadMigration& result : plan.workloads) {
    NL_ASSIGN_OR_RETURN(const WorkloadProcesses processes, finder_.ListProcesses(result.workload));
    if (is_cancelled()) return absl::CancelledError("the caller has gone");
    result = PlanMigration(context_, result.workload, processes, request.spec, observer);
  }
  return plan;
}

absl::StatusOr<std::vector<Workload>> Migrator::Resolve(const MigrationRequest& request) const {
  NL_ASSIGN_OR_RETURN(const Topology topology, TopologyReader(context_.paths).Read());
  NL_RETURN_IF_ERROR(CheckSpec(request.spec, topology));
  if (request.workloads.empty()) return absl::InvalidArgumentError("no workload is named");
  if (request.workloads.size() > kMaxSelectors) {
    return absl::InvalidArgumentError(absl::StrCat(request.workloads.size(),
                                                   " workloads are named: at most ", kMaxSelectors,
                                                   " in one migration"));
  }
  std::vector<Workload> workloads;
  for (const WorkloadSelector& selector : request.workloads) {
    NL_ASSIGN_OR_RETURN(const std::vector<Workload> found, finder_.Find(selector));
    absl::Status gone;
    size_t with_processes = 0;
    for (const Workload& workload : found) {
      NL_ASSIGN_OR_RETURN(const WorkloadProcesses processes, finder_.ListProcesses(workload));
      const absl::Status allowed =
          CheckAllowed(context_, workload, processes.pids, request.spec, topology);
      // Of a pod, containers without a process (a sandbox, one that has ended) are left out.
      if (absl::IsNotFound(allowed)) {
        gone = allowed;
        continue;
      }
      if (!allowed.ok()) return allowed;
      ++with_processes;
      for (const Workload& other : workloads) {
        if (!other.Overlaps(workload)) continue;
        return absl::InvalidArgumentError(
            absl::StrCat(workload.ToString(), " and ", other.ToString(),
                         ": the request names both, and they overlap"));
      }
      workloads.push_back(workload);
    }
    if (with_processes == 0) return gone;
  }
  return workloads;
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

absl::StatusOr<std::optional<Migration>> Migrator::FindRequest(
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

absl::Status Migrator::CheckIdle(const std::vector<Workload>& workloads) const {
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

absl::StatusOr<Migration> Migrator::Get(const std::string& id) const {
  MutexLock lock(mutex_);
  const auto entry = Find(id);
  if (entry == nullptr)
    return absl::NotFoundError(absl::StrCat("migration ", LogSafe(id), ": not found"));
  return entry->migration;
}

std::vector<Migration> Migrator::List() const {
  MutexLock lock(mutex_);
  std::vector<Migration> migrations;
  for (const auto& entry : entries_) migrations.push_back(entry->migration);
  return migrations;
}

absl::StatusOr<Migration> Migrator::Cancel(const std::string& id) {
  MutexLock lock(mutex_);
  const auto entry = Find(id);
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
  const auto entry = Find(id);
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
  for (const auto& entry : entries_) {
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
  for (const auto& entry : entries_) {
    if (IsFinal(entry->migration.state)) continue;
    held.push_back(absl::StrCat("migration ", entry->migration.id, ": ", DescribeCall(*entry)));
  }
  return held;
}

void Migrator::EndPending(Entry& entry) {
  std::erase_if(pending_, [&](const auto& other) { return other.get() == &entry; });
  for (WorkloadMigration& result : entry.migration.workloads) {
    result.state = MigrationState::kCancelled;
    result.reason = MigrationReason::kCancelled;
  }
  Conclude(entry.migration);
  entry.migration.end_time = context_.clock.Now();
  Changed(entry);
}

std::string Migrator::DescribeCall(const Entry& entry) const {
  if (entry.batch_pages == 0) return "the kernel holds a read of its processes' memory";
  return absl::StrCat("the kernel has held move_pages of ", entry.batch_pages, " pages of process ",
                      entry.batch_pid, " for ",
                      absl::FormatDuration(context_.clock.Monotonic() - entry.batch_start));
}

void Migrator::RunWorker() {
  while (true) {
    std::shared_ptr<Entry> entry;
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
  }
}

WorkloadMigration Migrator::ExecuteOne(const Workload& workload, const MigrationSpec& spec,
                                       MigrationObserver& observer) const {
  const auto processes = finder_.ListProcesses(workload);
  if (processes.ok() && !processes->pids.empty()) {
    return RunMigration(context_, workload, *processes, spec, observer);
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

void Migrator::Execute(const std::shared_ptr<Entry>& entry) {
  // Only the worker that runs an entry changes its request and its list of workloads.
  const MigrationSpec& spec = entry->migration.request.spec;
  const absl::Duration deadline = context_.clock.Monotonic() + spec.deadline;
  for (size_t i = 0; i < entry->migration.workloads.size(); ++i) {
    Observer observer(*this, *entry, i, deadline);
    const Workload workload = entry->migration.workloads[i].workload;
    WorkloadMigration result = ExecuteOne(workload, spec, observer);
    MutexLock lock(mutex_);
    entry->batch_pages = 0;
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

std::shared_ptr<Migrator::Entry> Migrator::Find(const std::string& id) const {
  for (const auto& entry : entries_) {
    if (entry->migration.id == id) return entry;
  }
  return nullptr;
}

void Migrator::Changed(Entry& entry) {
  ++entry.version;
  changed_.NotifyAll();
}

void Migrator::ForgetOldest() {
  size_t finished = 0;
  for (const auto& entry : entries_) finished += IsFinal(entry->migration.state);
  for (auto it = entries_.begin(); it != entries_.end() && finished > kMaxFinished;) {
    if (IsFinal((*it)->migration.state)) {
      it = entries_.erase(it);
      --finished;
    } else {
      ++it;
    }
  }
}

}  // namespace numalocality
