// The only part of the agent that moves pages: queues migrations, carries them out on threads of
// its own, and keeps their records.
#ifndef NUMALOCALITY_AGENT_ENGINE_MIGRATE_MIGRATOR_H_
#define NUMALOCALITY_AGENT_ENGINE_MIGRATE_MIGRATOR_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/base/mutex.h"
#include "agent/engine/context.h"
#include "agent/engine/migrate/admission.h"
#include "agent/engine/migrate/migration_listener.h"
#include "agent/engine/migrate/migration_records.h"
#include "agent/engine/migrate/migration_store.h"
#include "agent/engine/migrate/record_publisher.h"
#include "agent/engine/migrate/reservations.h"
#include "agent/engine/move/bandwidth_limit.h"
#include "agent/engine/watchdog.h"
#include "agent/engine/worker_pool.h"
#include "agent/engine/workload/container_resources.h"
#include "agent/model/access.h"
#include "agent/model/migration.h"

namespace numalocality {

// A record together with the version that its last change got. Versions grow over all records.
struct MigrationSnapshot {
  Migration migration;
  uint64_t version = 0;
};

// Thread-safe.
class Migrator {
 public:
  // Migrations that may wait.
  static constexpr size_t kMaxPending = 100;
  // Workers in stalled calls that are replaced by new threads. Each keeps its thread until its call
  // returns.
  static constexpr int kMaxReplaced = 32;

  // `runtime` may be null; outlives this.
  explicit Migrator(const EngineContext& context, ContainerResources* runtime = nullptr);
  ~Migrator();  // Shutdown with no grace, then joins

  // Adds the records of earlier agents from `store`, completes those of interrupted migrations, and
  // from now on stores every change there. Their times become monotonic ones by their age now.
  // `store` outlives this. On an error nothing is stored. Call once, before Start.
  absl::Status Restore(MigrationStore& store);

  // Notifies `listener`, which outlives this, of all changes. Before Start.
  void AddListener(MigrationListener* listener) { publisher_.AddListener(listener); }

  // Starts threads that run `workers` migrations at once. Call once.
  void Start(int workers);

  // Changes how many run at once. Migrations that are running continue.
  void SetWorkers(int count);

  // Limits for all migrations together: the bandwidth applies at once, the rest to migrations that
  // begin later.
  void SetLimits(const HostLimits& limits, int64_t bytes_per_second);
  HostLimits Limits() const;

  Reservations& reservations() { return reservations_; }

  // Enqueues a migration and returns its record, state PENDING; for a request with the request_id
  // of an earlier one, returns that one's record. Requests of the API go before those of the repair
  // loop and of the self socket, and one of several workers is kept for them. Errors:
  // PERMISSION_DENIED, INVALID_ARGUMENT, FAILED_PRECONDITION and NOT_FOUND as Admit returns them;
  // ABORTED with the other's id if a workload is being migrated, or is reserved; ALREADY_EXISTS if
  // the request_id was used for another request; RESOURCE_EXHAUSTED with kMaxPending waiting, or as
  // MigrationQueue::CheckStalled and MigrationRecords::CheckOnlyOneOfPod; UNAVAILABLE while
  // shutting down; CANCELLED once `is_cancelled`, which is asked while the request is checked.
  absl::StatusOr<Migration> Submit(const MigrationRequest& request,
                                   const Access& access = Access::Full(""),
                                   absl::FunctionRef<bool()> is_cancelled = Never);

  // The record that Submit would make, with `before` and `pages_planned` filled in, without moving
  // anything. In an evacuation, only pages that have room and are not shared are planned. Scans on
  // the calling thread. Errors as Admit and PlanMigration return them.
  absl::StatusOr<Migration> Plan(const MigrationRequest& request,
                                 absl::FunctionRef<bool()> is_cancelled,
                                 const Access& access = Access::Full(""));

  // NOT_FOUND if there is no such record, or it is not kept any more.
  absl::StatusOr<Migration> Get(const std::string& id) const;
  absl::StatusOr<MigrationSnapshot> Snapshot(const std::string& id) const;

  // All records, oldest first.
  std::vector<Migration> List() const;

  // The records that are older than the one with this id ("": all), newest first, at most so many.
  // NOT_FOUND as Get. Copies one at a time, so that moving waits for no more than one.
  absl::StatusOr<std::vector<Migration>> ListBefore(const std::string& id, size_t most) const;

  // Asks a migration to end after its current batch. A pending one ends at once, a final one stays
  // as it is. Returns its record.
  absl::StatusOr<Migration> Cancel(const std::string& id);

  // The latest version, as soon as that is greater than `seen_version`, at the latest after
  // `timeout`.
  uint64_t WaitForAnyChange(uint64_t seen_version, absl::Duration timeout) const;

  uint64_t LatestVersion() const { return WaitForAnyChange(0, absl::ZeroDuration()); }

  // The record that has the next version after `seen_version`: repeated calls, each with the
  // version that the last one returned, list the present state of all records that have changed.
  // nullopt if there is none.
  std::optional<MigrationSnapshot> NextChange(uint64_t seen_version) const;

  // Makes or prolongs a reservation. No migration of these workloads begins meanwhile. Errors as
  // Reservations::Reserve; for a new reservation also ABORTED, with the migration's id, if a
  // workload is being migrated, or waits for it.
  absl::StatusOr<Reservation> Reserve(const ReservationRequest& request);

  // Bytes of the workload that its last migration to where its home is now, by this agent or an
  // earlier one, tried and could not move; 0 if there was none.
  int64_t StuckBytes(const WorkloadPlacement& placement) const;

  // Migrations that wait or run.
  int ActiveCount() const;

  // The workloads of repairs that wait for a kernel call and that no other repair waits for: their
  // workers were replaced.
  std::vector<Workload> StalledRepairs() const;

  // Writes kernel calls that have not returned for kStalledAfter into the messages of their
  // records, and replaces the workers in such calls: other migrations do not wait for them. After
  // Start this is called once a second while migrations run.
  void FindStalledCalls();

  // Kernel calls of migrations that have not returned for kStalledAfter.
  std::vector<StalledCall> StalledCalls() const { return watchdog_.Stalled(); }

  // Accepts no more requests, cancels all migrations and waits for the batches in flight, `grace`
  // at most. Returns a line for each migration that still waits for a kernel call.
  std::vector<std::string> Shutdown(absl::Duration grace);

 private:
  class Observer;

  static bool Never() { return false; }

  // Gives `entry` an id and adds it to records and queue. If the same request was made earlier,
  // returns the record of that one, and `entry` gets no id.
  absl::StatusOr<Migration> Enqueue(const std::shared_ptr<MigrationEntry>& entry)
      ABSL_LOCKS_EXCLUDED(mutex_);

  Migration NewRecord(const MigrationRequest& request, const Admission& admission) const;

  // Begins pending migrations while workers are free.
  void BeginNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Carries out a migration, on a worker.
  void Run(const std::shared_ptr<MigrationEntry>& entry);
  void Execute(const std::shared_ptr<MigrationEntry>& entry);
  EngineContext ContextNow() ABSL_LOCKS_EXCLUDED(mutex_);
  // Publishes the record as it is now, unless its end has been published.
  void Notify(MigrationEntry& entry) ABSL_LOCKS_EXCLUDED(mutex_);
  // Publishes the records of running migrations that have changed since the last time.
  void NotifyProgress() ABSL_LOCKS_EXCLUDED(mutex_);

  void EndPending(MigrationEntry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Changed(MigrationEntry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const EngineContext context_;
  ContainerResources* const runtime_;
  RecordPublisher publisher_;  // its lock is taken before mutex_
  BandwidthLimit host_bandwidth_;
  Reservations reservations_;
  const int64_t id_base_;  // start time of this agent: first part of its ids

  mutable Mutex mutex_;
  mutable ConditionVariable changed_;
  MigrationRecords records_ ABSL_GUARDED_BY(mutex_);
  MigrationQueue queue_ ABSL_GUARDED_BY(mutex_);
  int64_t last_number_ ABSL_GUARDED_BY(mutex_) = 0;
  HostLimits limits_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Watchdog watchdog_;   // its lock is taken after mutex_
  WorkerPool workers_;  // likewise
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MIGRATE_MIGRATOR_H_
