// The migrations that the agent knows of: waiting, running, and the latest of those that have
// ended, in this agent process or an earlier one; and the queue of those that wait.
#ifndef NUMALOCALITY_AGENT_ENGINE_MIGRATE_MIGRATION_RECORDS_H_
#define NUMALOCALITY_AGENT_ENGINE_MIGRATE_MIGRATION_RECORDS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/base/log_fields.h"
#include "agent/model/migration.h"
#include "agent/model/placement.h"
#include "agent/model/workload.h"

namespace numalocality {

// NOT_FOUND.
absl::Status NoMigration(absl::string_view id);

// For the line in the log at a migration's end.
LogFields EndOf(const Migration& migration);

// A migration's record, and what the Migrator knows of it while it runs.
struct MigrationEntry {
  Migration migration;
  uint64_t version = 0;           // see MigrationRecords
  uint64_t notified_version = 0;  // the latest that listeners know
  bool notified_end = false;
  bool cancelled = false;
  bool interrupted = false;  // cancelled because the agent shuts down
  size_t workload = 0;       // index of the workload that is being moved
  int64_t job = 0;           // its id in the WorkerPool; 0 until it runs
  int64_t watch = 0;         // its id in the Watchdog; 0 until it runs
  bool is_stalled = false;   // the messages name a stalled call
  bool is_replaced = false;  // its worker was: see MigrationQueue::Replaced
};

// Each addition and each change of an entry gets a version, which is greater than all before. Not
// thread-safe: the Migrator's lock guards it, entries included.
class MigrationRecords {
 public:
  // Finished migrations that are kept, of this agent and earlier ones together. Those that ended
  // first are dropped first.
  static constexpr size_t kMaxFinished = 1000;

  void Add(std::shared_ptr<MigrationEntry> entry);

  // Gives an entry that was changed a new version.
  void Changed(MigrationEntry& entry);

  // The greatest version; 0 if there has been no entry.
  uint64_t latest_version() const { return latest_version_; }
  // The entry with the next version after this; null if there is none.
  std::shared_ptr<MigrationEntry> NextChanged(uint64_t version) const;

  // Drops finished migrations above kMaxFinished. Call after one has ended, or has been added.
  void DropOldest();

  // Ids of the migrations that have been dropped since the last call.
  std::vector<std::string> TakeDropped();

  // NOT_FOUND if there is none, or it has been dropped. Never null.
  absl::StatusOr<std::shared_ptr<MigrationEntry>> Find(const std::string& id) const;

  // The migration that an earlier request of the same client with the same request_id made;
  // ALREADY_EXISTS if that request was another one. Reservation tokens are not compared: they are
  // credentials, are not stored with the record, and a controller may have renewed its reservation
  // before it retries. A record whose request is not known is taken for the same.
  absl::StatusOr<std::optional<Migration>> FindRequest(const MigrationRequest& request) const;

  // ABORTED with the other's id if one of `workloads` is being migrated, or waits for it.
  absl::Status CheckIdle(const std::vector<Workload>& workloads) const;

  // RESOURCE_EXHAUSTED if `migration` was requested by a container on the self socket, and another
  // one that its pod requested so waits or runs.
  absl::Status CheckOnlyOneOfPod(const Migration& migration) const;

  // See Migrator::StuckBytes.
  int64_t StuckBytes(const WorkloadPlacement& placement) const;

  // All, oldest first.
  const std::deque<std::shared_ptr<MigrationEntry>>& entries() const { return entries_; }
  // Those that are older than the one with this id (""; all), newest first, `most` of them.
  // NOT_FOUND as Find.
  absl::StatusOr<std::vector<std::shared_ptr<MigrationEntry>>> Before(const std::string& id,
                                                                      size_t most) const;

 private:
  std::deque<std::shared_ptr<MigrationEntry>> entries_;
  std::map<uint64_t, std::shared_ptr<MigrationEntry>> by_version_;
  uint64_t latest_version_ = 0;
  std::vector<std::string> dropped_;
};

// The migrations that wait for a worker, and which is next: requests of the API before repairs and
// requests of the self socket, in the order in which they came. Those of a pod that has
// kMaxStalledOfPod stalled ones wait for the ends of these; evacuations, which concern all pods, do
// not. Not thread-safe: the Migrator's lock guards it.
class MigrationQueue {
 public:
  // Migrations of one pod that may wait for kernel calls that do not return: one pod must not use
  // up the replacements of workers.
  static constexpr int kMaxStalledOfPod = 2;

  // Of several workers one is kept for requests of the API that are not of the self socket.
  void SetWorkers(int count) { worker_count_ = count; }

  void Add(const std::shared_ptr<MigrationEntry>& entry);
  void Remove(const MigrationEntry& entry);

  // Takes the next one, which runs until Ended; null if none may run now.
  std::shared_ptr<MigrationEntry> Take();
  void Ended(const MigrationEntry& entry);
  // The worker of a running migration was replaced. If it is a repair or a request of the self
  // socket, another one may run from now on.
  void Replaced(MigrationEntry& entry);

  // RESOURCE_EXHAUSTED with the id of a stalled migration if the entry would wait for those of a
  // pod.
  absl::Status CheckStalled(const MigrationEntry& entry) const;

  size_t waiting_count() const { return waiting_.size(); }
  int running_count() const { return running_; }

 private:
  std::deque<std::shared_ptr<MigrationEntry>> waiting_;
  int worker_count_ = 1;
  int running_ = 0;
  int running_secondary_ = 0;  // repairs and requests of the self socket
  // The ids of running migrations whose workers were replaced, by the pod (Workload::PodKey) whose
  // memory they were moving then.
  std::multimap<std::string, std::string> stalled_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MIGRATE_MIGRATION_RECORDS_H_
