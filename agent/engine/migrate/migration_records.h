// The migrations that the agent knows of: waiting, running, and the latest of those that have
// ended, in this agent process or an earlier one.
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
#include "absl/time/time.h"
#include "agent/model/migration.h"
#include "agent/model/workload.h"

namespace numalocality {

// A batch of pages that the kernel has now.
struct BatchInFlight {
  pid_t pid = 0;
  int64_t pages = 0;
  absl::Duration start;  // monotonic
};

// A migration's record and what its run needs.
struct MigrationEntry {
  Migration migration;
  uint64_t version = 1;       // grows with each change
  uint64_t told_version = 0;  // that listeners know
  bool told_end = false;
  bool cancelled = false;
  bool interrupted = false;              // cancelled as the agent ends
  size_t workload = 0;                   // index of the one in turn
  std::map<int, BatchInFlight> batches;  // by the run's worker
  bool is_stalled = false;               // the messages tell of a call that the kernel holds
  bool is_replaced = false;  // another worker has taken the place of the one that runs this

  // The batch that the kernel has had for longest; null if it has none.
  const BatchInFlight* OldestBatch() const;
};

// Not thread-safe: the Migrator's lock guards it, entries included.
class MigrationRecords {
 public:
  // Finished migrations that are kept, of this agent and earlier ones together. Those that ended
  // first are dropped first.
  static constexpr size_t kMaxFinished = 1000;

  void Add(std::shared_ptr<MigrationEntry> entry);

  // Drops finished migrations above kMaxFinished. Call after one has ended, or has been added.
  void DropOldest();

  // Ids of the migrations that have been dropped since the last call.
  std::vector<std::string> TakeDropped();

  // Null if there is none (any more).
  std::shared_ptr<MigrationEntry> Find(const std::string& id) const;

  // The migration that an earlier request with the same request_id made; ALREADY_EXISTS if that
  // request was another one. Reservation tokens are not compared: they are credentials, are not
  // stored with the record, and a controller may have renewed its reservation before it retries. A
  // record whose request is not known is taken for the same.
  absl::StatusOr<std::optional<Migration>> FindRequest(const MigrationRequest& request) const;

  // ABORTED with the other's id if one of `workloads` is being migrated, or waits for it.
  absl::Status CheckIdle(const std::vector<Workload>& workloads) const;

  // All, oldest first.
  const std::deque<std::shared_ptr<MigrationEntry>>& entries() const { return entries_; }

 private:
  std::deque<std::shared_ptr<MigrationEntry>> entries_;
  std::vector<std::string> dropped_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MIGRATE_MIGRATION_RECORDS_H_
