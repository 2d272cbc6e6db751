// The agent's queue of migrations, their records, and the threads that run them. The only way to
// move pages in the agent.
#ifndef NUMALOCALITY_AGENT_ENGINE_MIGRATE_MIGRATOR_H_
#define NUMALOCALITY_AGENT_ENGINE_MIGRATE_MIGRATOR_H_

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/base/mutex.h"
#include "agent/engine/context.h"
#include "agent/engine/migrate/migration_listener.h"
#include "agent/engine/migrate/migration_queue.h"
#include "agent/engine/migrate/migration_records.h"
#include "agent/engine/migrate/migration_store.h"
#include "agent/engine/migrate/reservations.h"
#include "agent/engine/move/bandwidth_limit.h"
#include "agent/engine/workload/container_resources.h"
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
  // Migrations that wait.
  static constexpr size_t kMaxPending = 100;
  // A kernel call that takes longer is told of: it waits for a real-time task to leave a CPU.
  static constexpr absl::Duration kStalledAfter = absl::Seconds(5);
  // Workers in such calls that have a replacement. Each keeps a thread until its call returns.
  static constexpr int kMaxReplaced = 4;

  // `runtime` may be null; outlives this.
  explicit Migrator(const EngineContext& context, ContainerResources* runtime = nullptr);
  ~Migrator();  // Shutdown with no grace, then joins

  // Adds the records of earlier agents from `store`, completes those of interrupted migrations, and
  // from now on stores every change there. `store` outlives this. On an error nothing is stored.
  // Call once, before Start.
  absl::Status Restore(MigrationStore& store);

  // Tells `listener`, which outlives this, of all migrations. Before Start.
  void AddListener(MigrationListener* listener) { listeners_.push_back(listener); }

  // Starts threads that run `workers` migrations at once. Call once.
  void Start(int workers);

  // How many run at once from now on; those that run already go on.
  void SetWorkers(int count);

  // What bounds all migrations together, from the next one on; the bandwidth at once.
  void SetLimits(const HostLimits& limits, int64_t bytes_per_second);
  HostLimits Limits() const;

  Reservations& reservations() { return reservations_; }

  // Enqueues a migration and returns its record, state PENDING; a request with the request_id of
  // an earlier one returns that one's. Those of the API go before those of the repair loop, and
  // one of several workers is always theirs. Errors: INVALID_ARGUMENT and FAILED_PRECONDITION as
  // ResolveRequest has them; NOT_FOUND for a workload that is not there; ABORTED with the other's
  // id if a workload is being migrated, or is reserved; ALREADY_EXISTS if the request_id was used
  // for something else; RESOURCE_EXHAUSTED with kMaxPending waiting; UNAVAILABLE while shutting
  // down.
  absl::StatusOr<Migration> Submit(const MigrationRequest& request);

  // What Submit would do, without doing it: the record that it would have, with `before` and
  // `pages_planned` filled in; of an evacuation, those that have room and are not shared.
  // INVALID_ARGUMENT, FAILED_PRECONDITION and NOT_FOUND as Submit. Scans on the calling thread;
  // gives up when `is_cancelled` says so.
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

  // ABORTED with its id if a migration moves one of `workloads`, or waits to.
  absl::Status CheckIdle(const std::vector<Workload>& workloads) const;

  // Bytes of the workload that its last migration to where its home is now, by this agent or an
  // earlier one, tried and could not move; 0 if there was none.
  int64_t StuckBytes(const WorkloadPlacement& placement) const;

  // Migrations that wait or run.
  int ActiveCount() const;

  // Writes calls that the kernel has held for more than kStalledAfter into their records' messages,
  // and, while other migrations wait, starts workers in the place of those in such calls. Start
  // sees to it that this is called once a second while migrations run.
  void FindStalledCalls();

  // Takes no more requests, cancels all migrations and waits for the batches in flight, `grace` at
  // most. Returns a line for each kernel call that has still not returned; empty when all ended.
  std::vector<std::string> Shutdown(absl::Duration grace);

 private:
  class Observer;

  // Gives `entry` an id and lets it wait for a worker; without an id, the record returned is that
  // of the same request made earlier.
  absl::StatusOr<Migration> Enqueue(const std::shared_ptr<MigrationEntry>& entry)
      ABSL_LOCKS_EXCLUDED(mutex_);

  Migration NewRecord(const MigrationRequest& request, std::vector<WorkloadMigration> planned,
                      int64_t page_bytes) const;

  // Runs pending migrations until shutdown.
  void RunWorker();
  // Calls FindStalledCalls and NotifyProgress once a second while migrations run, until shutdown.
  void RunWatchdog();
  void Execute(const std::shared_ptr<MigrationEntry>& entry);
  // The next to run; null if none may.
  std::shared_ptr<MigrationEntry> TakeNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  EngineContext ContextNow() ABSL_LOCKS_EXCLUDED(mutex_);
  // Tells how it is now, unless its end has been told.
  void Tell(MigrationEntry& entry) ABSL_LOCKS_EXCLUDED(notifying_, mutex_);
  void NotifyListeners(const Migration& migration) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(notifying_);
  // Tells of running migrations that have changed since the last time.
  void NotifyProgress() ABSL_LOCKS_EXCLUDED(mutex_);

  // Stores the record; logs an error, since the migration goes on without.
  void Save(const Migration& migration) const;
  // Removes dropped records from the store.
  void RemoveDropped() ABSL_EXCLUSIVE_LOCKS_REQUIRED(notifying_) ABSL_LOCKS_EXCLUDED(mutex_);

  void EndPending(MigrationEntry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The kernel call that a running migration is in, for people.
  std::string DescribeCall(const MigrationEntry& entry) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Changed(MigrationEntry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const EngineContext context_;
  ContainerResources* const runtime_;
  std::vector<MigrationListener*> listeners_;
  MigrationStore* store_ = nullptr;  // null: nothing is stored
  BandwidthLimit host_bandwidth_;
  Reservations reservations_;
  const int64_t id_base_;  // start of this agent: ids differ across restarts

  Mutex notifying_;  // before mutex_
  mutable Mutex mutex_;
  mutable ConditionVariable changed_;
  ConditionVariable stop_;
  MigrationRecords records_ ABSL_GUARDED_BY(mutex_);
  MigrationQueue queue_ ABSL_GUARDED_BY(mutex_);
  int64_t last_number_ ABSL_GUARDED_BY(mutex_) = 0;
  HostLimits limits_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  int started_workers_ ABSL_GUARDED_BY(mutex_) = 0;  // replacements left out
  int replaced_ ABSL_GUARDED_BY(mutex_) = 0;  // workers that have a replacement and run still
  std::vector<std::thread> workers_ ABSL_GUARDED_BY(mutex_);
  std::set<std::thread::id> retired_ ABSL_GUARDED_BY(mutex_);  // of those, to be joined
  std::thread watchdog_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MIGRATE_MIGRATOR_H_
