// The agent's queue of migrations, their records, and the threads that run them. The only way to
// move pages in the agent.
#ifndef NUMALOCALITY_AGENT_ENGINE_MIGRATOR_H_
#define NUMALOCALITY_AGENT_ENGINE_MIGRATOR_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/base/mutex.h"
#include "agent/engine/migration_run.h"
#include "agent/engine/workload_finder.h"
#include "agent/model/migration.h"

namespace numalocality {

// A record together with a number that grows with each of its changes.
struct MigrationSnapshot {
  Migration migration;
  uint64_t version = 0;
};

// Thread-safe.
class Migrator {
 public:
  // Finished records that are kept; the oldest go first.
  static constexpr size_t kMaxFinished = 1000;
  // What one request may name; each costs a walk through the cgroups.
  static constexpr size_t kMaxSelectors = 100;
  // Migrations that wait.
  static constexpr size_t kMaxPending = 100;

  explicit Migrator(const MigrationContext& context);
  ~Migrator();  // Shutdown with no grace, then joins

  // Starts `workers` threads that run migrations. Call once.
  void Start(int workers);

  // Enqueues a migration and returns its record, state PENDING; a request with the request_id of
  // an earlier one returns that one's. Errors: INVALID_ARGUMENT and FAILED_PRECONDITION as
  // CheckSpec and CheckAllowed have them; NOT_FOUND for a workload that is not there; ABORTED with
  // the other's id if a workload is being migrated; ALREADY_EXISTS if the request_id was used for
  // something else; RESOURCE_EXHAUSTED with kMaxPending waiting; UNAVAILABLE while shutting down.
  absl::StatusOr<Migration> Submit(const MigrationRequest& request);

  // What Submit would do, without doing it: the record that it would have, with `before` and
  // `pages_planned` filled in. INVALID_ARGUMENT, FAILED_PRECONDITION and NOT_FOUND as Submit. Scans
  // on the calling thread; gives up when `is_cancelled` says so.
  absl::StatusOr<Migration> Plan(const MigrationRequest& request,
                                 absl::FunctionRef<bool()> is_cancelled);

  // NOT_FOUND if there is no such record (any more).
  absl::StatusOr<Migration> Get(const std::string& id) const;

  // All records, oldest first.
  std::vector<Migration> List() const;

  // Asks a migration to end after its batch; one that has not begun ends at once, a final one stays
  // as it is. Returns its record.
  absl::StatusOr<Migration> Cancel(const std::string& id);

  // The record of `id` as soon as its version is not `seen_version` any more, at the latest after
  // `timeout`. Version 0 is never current.
  absl::StatusOr<MigrationSnapshot> WaitForChange(const std::string& id, uint64_t seen_version,
                                                  absl::Duration timeout) const;

  // Takes no more requests, cancels all migrations and waits for the batches in flight, `grace` at
  // most. Returns a line for each kernel call that has still not returned; empty when all ended.
  std::vector<std::string> Shutdown(absl::Duration grace);

 private:
  struct Entry;
  class Observer;

  // The workloads that `request` names, checked; and their processes.
  absl::StatusOr<std::vector<Workload>> Resolve(const MigrationRequest& request) const;
  Migration NewRecord(const MigrationRequest& request, const std::vector<Workload>& workloads,
                      int64_t page_bytes) const;

  // Runs pending migrations until shutdown.
  void RunWorker();
  void Execute(const std::shared_ptr<Entry>& entry);
  WorkloadMigration ExecuteOne(const Workload& workload, const MigrationSpec& spec,
                               MigrationObserver& observer) const;

  // The migration that an earlier request with the same request_id made; ALREADY_EXISTS if that
  // request was another one.
  absl::StatusOr<std::optional<Migration>> FindRequest(const MigrationRequest& request) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckIdle(const std::vector<Workload>& workloads) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::shared_ptr<Entry> Find(const std::string& id) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndPending(Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The kernel call that a running migration is in, for people.
  std::string DescribeCall(const Entry& entry) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Changed(Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetOldest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const MigrationContext context_;
  const WorkloadFinder finder_;
  const int64_t id_base_;  // start of this agent: ids differ across restarts

  mutable Mutex mutex_;
  mutable ConditionVariable changed_;
  std::deque<std::shared_ptr<Entry>> entries_ ABSL_GUARDED_BY(mutex_);  // oldest first
  std::deque<std::shared_ptr<Entry>> pending_ ABSL_GUARDED_BY(mutex_);
  int64_t last_number_ ABSL_GUARDED_BY(mutex_) = 0;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> workers_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MIGRATOR_H_
