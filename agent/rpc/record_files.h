// Records of migrations as files, so that they outlive the agent that made them: one file a
// migration, as the API's message. Where the directory is in memory (/run), they end with the
// machine.
#ifndef NUMALOCALITY_AGENT_RPC_RECORD_FILES_H_
#define NUMALOCALITY_AGENT_RPC_RECORD_FILES_H_

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "agent/base/mutex.h"
#include "agent/engine/context.h"
#include "agent/engine/migrate/migration_listener.h"
#include "numalocality/v1/migration.pb.h"

namespace numalocality {

// Thread-safe.
class RecordFiles final : public MigrationListener {
 public:
  // Files that are kept; the oldest go first.
  static constexpr size_t kMost = 1000;

  // Reads what earlier agents have left in `directory`, which is made if need be. Migrations that
  // had not ended are INTERRUPTED; where the memory of their workloads is was measured now. Files
  // that cannot be read are removed, with a line in the log.
  static absl::StatusOr<std::unique_ptr<RecordFiles>> Open(const std::string& directory,
                                                           const EngineContext& context);

  // Of earlier agents, oldest first.
  const std::vector<v1::Migration>& earlier() const { return earlier_; }
  const v1::Migration* Find(const std::string& id) const;
  // By request_id, which is not empty.
  const v1::Migration* FindRequest(const std::string& request_id) const;
  // Of each earlier migration what the repair loop learns from, oldest first.
  std::vector<Migration> EarlierEnds() const;

  // Writes the record. An error is logged: the migration goes on without.
  void OnMigration(const Migration& migration) override;

 private:
  explicit RecordFiles(std::string directory) : directory_(std::move(directory)) {}

  absl::Status Load();
  void MarkInterrupted(const EngineContext& context);
  absl::Status Write(const v1::Migration& record) const;
  std::string PathOf(const std::string& id) const;
  void Keep(const std::string& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string directory_;
  std::vector<v1::Migration> earlier_;  // constant after Open

  Mutex mutex_;
  std::deque<std::string> ids_ ABSL_GUARDED_BY(mutex_);  // of all files, oldest first
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_RECORD_FILES_H_
