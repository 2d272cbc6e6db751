#include "agent/rpc/record_files.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"
#include "agent/rpc/convert/common.h"
#include "agent/rpc/convert/migration_record.h"
#include "agent/rpc/format_version.h"
#include "numalocality/records/v1/migrations.pb.h"

namespace numalocality {
namespace {

namespace fs = std::filesystem;
namespace stored = ::numalocality::records::v1;

constexpr char kSuffix[] = ".pb";
// A record has a few hundred bytes for each workload.
constexpr size_t kMaxRecordBytes = size_t{4} << 20;

void DetailsToStored(const WorkloadMigration& result, stored::WorkloadDetails& details) {
  if (result.drift_facts.has_value()) {
    stored::DriftFacts& facts = *details.mutable_drift_facts();
    facts.set_balancing(result.drift_facts->balancing);
    ToField(result.drift_facts->thread_nodes, facts.mutable_thread_node_ids());
    ToField(result.drift_facts->policy_nodes, facts.mutable_policy_node_ids());
    for (const std::string& source : result.drift_facts->unread) {
      facts.add_unread(Printable(source));
    }
  }
  for (const int64_t count : result.holds.counts) details.add_hold_counts(count);
}

void DetailsFromStored(const stored::WorkloadDetails& details, WorkloadMigration& result) {
  if (details.has_drift_facts()) {
    const stored::DriftFacts& stored_facts = details.drift_facts();
    DriftFacts& facts = result.drift_facts.emplace();
    facts.balancing = stored_facts.balancing();
    facts.thread_nodes = NodesFrom(stored_facts.thread_node_ids());
    facts.policy_nodes = NodesFrom(stored_facts.policy_node_ids());
    facts.unread = {stored_facts.unread().begin(), stored_facts.unread().end()};
  }
  if (static_cast<size_t>(details.hold_counts_size()) == result.holds.counts.size()) {
    std::copy(details.hold_counts().begin(), details.hold_counts().end(),
              result.holds.counts.begin());
  }
}

void ToStored(const Migration& migration, stored::Migration& message) {
  message.set_format_version(kFormatVersion);
  ToProto(migration, *message.mutable_migration());
  // Derived from the facts, which are stored.
  for (v1::WorkloadMigration& result : *message.mutable_migration()->mutable_workloads()) {
    result.clear_drift_causes();
  }
  for (const WorkloadMigration& result : migration.workloads) {
    DetailsToStored(result, *message.add_workloads());
  }
  const auto& enough_bytes = migration.request.spec.enough_bytes;
  if (enough_bytes.has_value()) message.set_enough_bytes(*enough_bytes);
}

absl::StatusOr<Migration> FromStored(const stored::Migration& message) {
  NL_ASSIGN_OR_RETURN(Migration migration, FromProto(message.migration()));
  const int count = std::min(message.workloads_size(), message.migration().workloads_size());
  for (int i = 0; i < count; ++i) {
    DetailsFromStored(message.workloads(i), migration.workloads[static_cast<size_t>(i)]);
  }
  if (message.has_enough_bytes()) migration.request.spec.enough_bytes = message.enough_bytes();
  return migration;
}

// FAILED_PRECONDITION for a later version; INVALID_ARGUMENT if `text` is no record.
absl::StatusOr<Migration> Parse(const std::string& path, const std::string& text) {
  stored::MigrationHeader header;
  if (!header.ParseFromString(text)) return absl::InvalidArgumentError("not a protobuf message");
  NL_RETURN_IF_ERROR(CheckFormatVersion(path, header.format_version()));
  if (header.format_version() != 0) {
    stored::Migration message;
    if (!message.ParseFromString(text)) return absl::InvalidArgumentError("not a record");
    return FromStored(message);
  }
  v1::Migration version_1;
  if (!version_1.ParseFromString(text)) return absl::InvalidArgumentError("not a migration");
  return FromProto(version_1);
}

absl::StatusOr<Migration> ReadRecord(const fs::path& path) {
  if (path.extension() != kSuffix) {
    return absl::InvalidArgumentError(absl::StrCat("its name does not end in ", kSuffix));
  }
  const auto text = ReadFile(path.string(), kMaxRecordBytes);
  // Not with its own code, which may be that of a later version.
  if (!text.ok()) return absl::InvalidArgumentError(text.status().message());
  NL_ASSIGN_OR_RETURN(Migration migration, Parse(path.string(), *text));
  if (path.filename() != migration.id + kSuffix) {
    return absl::InvalidArgumentError("the id in its name differs from the id that it contains");
  }
  return migration;
}

}  // namespace

absl::StatusOr<std::vector<Migration>> RecordFiles::Load() {
  const std::string what = "migration records in " + directory_;
  std::error_code error;
  fs::create_directories(directory_, error);
  if (error) return WithContext(ErrnoStatus(error.value(), "make the directory"), what);
  fs::permissions(directory_, fs::perms::owner_all, error);
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(directory_, error)) paths.push_back(entry.path());
  if (error) return WithContext(ErrnoStatus(error.value(), "list the directory"), what);
  std::vector<Migration> migrations;
  for (const fs::path& path : paths) {
    auto migration = ReadRecord(path);
    if (migration.ok()) {
      migrations.push_back(*std::move(migration));
    } else if (absl::IsFailedPrecondition(migration.status())) {
      later_.insert(path.stem());
      LogError(migration.status().message());
    } else {
      LogWarning(absl::StrCat(
          "removed ", LogSafe(path.string()),
          ", which is not a valid migration record: ", LogSafe(migration.status().message())));
      fs::remove(path, error);
    }
  }
  return migrations;
}

absl::Status RecordFiles::Save(const Migration& migration) {
  if (later_.contains(migration.id)) {
    return absl::FailedPreconditionError(
        absl::StrCat(PathOf(migration.id), " is the record of a later agent and is not replaced"));
  }
  stored::Migration message;
  ToStored(migration, message);
  return WithContext(ReplaceFile(PathOf(migration.id), message.SerializeAsString()),
                     "store the record");
}

absl::Status RecordFiles::Remove(const std::string& id) {
  std::error_code error;
  fs::remove(PathOf(id), error);
  return error ? ErrnoStatus(error.value(), "remove the record " + PathOf(id)) : absl::OkStatus();
}

std::string RecordFiles::PathOf(const std::string& id) const {
  return absl::StrCat(directory_, "/", id, kSuffix);
}

}  // namespace numalocality
