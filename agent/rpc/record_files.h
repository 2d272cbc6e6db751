// Migration records as files: one file for each migration, named by its id. If the directory is in
// memory (/run), they are lost when the machine restarts.
#ifndef NUMALOCALITY_AGENT_RPC_RECORD_FILES_H_
#define NUMALOCALITY_AGENT_RPC_RECORD_FILES_H_

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/engine/migrate/migration_store.h"

namespace numalocality {

// The content is numalocality.records.v1.Migration. Reservation tokens are not in it.
class RecordFiles final : public MigrationStore {
 public:
  explicit RecordFiles(std::string directory) : directory_(std::move(directory)) {}

  // Makes the directory if it does not exist. Reads files of this format version and the one
  // before. Removes files that are no records, with a line in the log; leaves those of later
  // versions, with an error in the log.
  absl::StatusOr<std::vector<Migration>> Load() override;

  // FAILED_PRECONDITION if a record of a later version has this id.
  absl::Status Save(const Migration& migration) override;
  absl::Status Remove(const std::string& id) override;

 private:
  std::string PathOf(const std::string& id) const;

  const std::string directory_;
  std::set<std::string> later_;  // ids of records of later versions; changed by Load only
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_RECORD_FILES_H_
