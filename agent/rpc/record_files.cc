#include "agent/rpc/record_files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/engine/workload/placement_reader.h"
#include "agent/engine/workload/workload_finder.h"
#include "agent/os/base/file.h"
#include "agent/os/node/topology_reader.h"
#include "agent/os/pages/page_sample.h"
#include "agent/os/process/process_handle.h"
#include "agent/rpc/convert/convert.h"
#include "agent/rpc/convert/migration_record.h"

namespace numalocality {
namespace {

namespace fs = std::filesystem;

constexpr char kSuffix[] = ".pb";
// A record has a few hundred bytes a workload.
constexpr size_t kMaxRecordBytes = size_t{4} << 20;

bool IsFinal(v1::MigrationState state) { return state >= v1::MIGRATION_STATE_SUCCEEDED; }

bool HasMoved(const v1::WorkloadMigration& result) {
  return std::any_of(result.outcomes().begin(), result.outcomes().end(), [](const auto& count) {
    return count.outcome() == v1::PAGE_OUTCOME_MOVED && count.page_count() > 0;
  });
}

// Where the workload's memory is now. NOT_FOUND if it is gone.
absl::StatusOr<MemoryByNode> ReadMemory(const EngineContext& context, const Topology& topology,
                                        const Workload& workload) {
  if (!workload.process.has_value()) {
    NL_ASSIGN_OR_RETURN(WorkloadPlacement placement,
                        PlacementReader(context.kernel, context.host, context.clock)
                            .Read(workload, topology, PlacementView::kBasic, [] { return false; }));
    return std::move(placement.memory);
  }
  // A sample, as the agent serves nobody before it has this, however large the process.
  NL_ASSIGN_OR_RETURN(
      const ProcessHandle process,
      WorkloadFinder(context.host).OpenProcess(context.kernel, workload, workload.process->pid));
  NL_ASSIGN_OR_RETURN(const PageSample sample,
                      SamplePages(context.kernel, context.clock, process, context.host, topology));
  return sample.EstimateMemory(topology.page_bytes);
}

void Measure(const EngineContext& context, const Topology& topology,
             v1::WorkloadMigration& result) {
  const auto memory = ReadMemory(context, topology, FromProto(result.workload()));
  if (absl::IsNotFound(memory.status())) {
    result.set_message(absl::StrCat(result.message(), "; the workload is gone"));
  }
  if (!memory.ok()) return;
  result.clear_after();
  ToField(*memory, result.mutable_after());
}

// Whether the agent ended before this workload's part had, and its memory has not been looked at
// since.
bool IsCutShort(const v1::WorkloadMigration& result) {
  if (!IsFinal(result.state())) return true;
  return result.reason() == v1::MIGRATION_REASON_INTERRUPTED && result.after().empty();
}

void Interrupt(v1::WorkloadMigration& result) {
  if (!IsFinal(result.state())) {
    result.set_state(HasMoved(result) ? v1::MIGRATION_STATE_PARTIAL : v1::MIGRATION_STATE_FAILED);
    result.set_reason(v1::MIGRATION_REASON_INTERRUPTED);
  }
  const bool is_process = result.workload().pid() != 0;
  result.set_message(absl::StrCat(
      "the agent ended in the middle: the counts are those of its last second, and 'after' was "
      "measured by ",
      is_process ? "a sample of its pages" : "memory.numa_stat", " when it came back"));
}

// What MigrationState has of the API's.
MigrationState StateFrom(v1::MigrationState state) {
  return static_cast<MigrationState>(static_cast<int>(state) - 1);
}

// The part of a record that the repair loop learns from.
Migration EndFrom(const v1::Migration& record) {
  Migration migration;
  migration.id = record.id();
  migration.state = StateFrom(record.state());
  migration.page_bytes = record.page_bytes();
  migration.end_time = FromProto(record.end_time());
  migration.start_time =
      record.has_start_time() ? FromProto(record.start_time()) : migration.end_time;
  migration.request.origin = record.origin() == v1::MIGRATION_ORIGIN_POLICY
                                 ? MigrationOrigin::kPolicy
                                 : MigrationOrigin::kApi;
  migration.request.policy = record.policy();
  if (record.has_evacuated_node_id()) {
    migration.request.evacuation.emplace();
    migration.request.evacuation->node = NodeId{record.evacuated_node_id()};
    migration.request.evacuation->keep_clear = FromProto(record.keep_clear());
  }
  if (record.has_estimate()) {
    migration.estimate.emplace();
    migration.estimate->bytes = record.estimate().bytes();
    migration.estimate->local_before = record.estimate().local_fraction_before();
    migration.estimate->remote_after = record.estimate().remote_bytes_after();
    if (record.estimate().has_local_fraction_after()) {
      migration.estimate->local_after = record.estimate().local_fraction_after();
    }
  }
  for (const v1::WorkloadMigration& message : record.workloads()) {
    WorkloadMigration& result = migration.workloads.emplace_back();
    result.workload = FromProto(message.workload());
    result.state = StateFrom(message.state());
    result.reason = static_cast<MigrationReason>(message.reason());
    result.pages_on_target = message.on_target_page_count();
    for (const int32_t node : message.target_node_ids()) result.target_nodes.Insert(NodeId{node});
    for (const v1::OutcomeCount& count : message.outcomes()) {
      result.outcomes.Add(static_cast<PageOutcome>(static_cast<int>(count.outcome()) - 1),
                          count.page_count());
    }
  }
  return migration;
}

}  // namespace

absl::StatusOr<std::unique_ptr<RecordFiles>> RecordFiles::Open(const std::string& directory,
                                                               const EngineContext& context) {
  std::unique_ptr<RecordFiles> self(new RecordFiles(directory));
  NL_RETURN_IF_ERROR(WithContext(self->Load(), "records in " + directory));
  self->MarkInterrupted(context);
  return self;
}

absl::Status RecordFiles::Load() {
  std::error_code error;
  fs::create_directories(directory_, error);
  if (error) return ErrnoStatus(error.value(), "make the directory");
  fs::permissions(directory_, fs::perms::owner_all, error);
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(directory_, error)) paths.push_back(entry.path());
  if (error) return ErrnoStatus(error.value(), "list the directory");
  for (const fs::path& path : paths) {
    v1::Migration record;
    const auto text = ReadFile(path.string(), kMaxRecordBytes);
    const bool is_record = path.extension() == kSuffix && text.ok() &&
                           record.ParseFromString(*text) &&
                           path.filename() == record.id() + kSuffix;
    if (is_record) {
      earlier_.push_back(std::move(record));
      continue;
    }
    LogWarning(absl::StrCat("no record, removed: ", LogSafe(path.string())));
    fs::remove(path, error);
  }
  std::sort(earlier_.begin(), earlier_.end(), [](const auto& a, const auto& b) {
    return FromProto(a.create_time()) < FromProto(b.create_time());
  });
  MutexLock lock(mutex_);
  for (const v1::Migration& record : earlier_) Keep(record.id());
  return absl::OkStatus();
}

void RecordFiles::MarkInterrupted(const EngineContext& context) {
  const auto topology = TopologyReader(context.host).Read();
  for (v1::Migration& record : earlier_) {
    const bool was_asked_to_end = record.reason() == v1::MIGRATION_REASON_INTERRUPTED;
    if (IsFinal(record.state()) && !was_asked_to_end) continue;
    bool some_moved = false;
    for (v1::WorkloadMigration& result : *record.mutable_workloads()) {
      some_moved = some_moved || HasMoved(result);
      if (!IsCutShort(result)) continue;
      Interrupt(result);
      if (topology.ok()) Measure(context, *topology, result);
    }
    if (!IsFinal(record.state())) {
      record.set_state(some_moved ? v1::MIGRATION_STATE_PARTIAL : v1::MIGRATION_STATE_FAILED);
      *record.mutable_end_time() = ToProto(context.clock.Now());
    }
    record.set_reason(v1::MIGRATION_REASON_INTERRUPTED);
    if (const absl::Status status = Write(record); !status.ok()) LogError(status.message());
  }
}

const v1::Migration* RecordFiles::Find(const std::string& id) const {
  const auto it = std::find_if(earlier_.begin(), earlier_.end(),
                               [&](const v1::Migration& record) { return record.id() == id; });
  return it == earlier_.end() ? nullptr : &*it;
}

const v1::Migration* RecordFiles::FindRequest(const std::string& request_id) const {
  const auto it = std::find_if(earlier_.begin(), earlier_.end(), [&](const v1::Migration& record) {
    return record.request_id() == request_id;
  });
  return it == earlier_.end() ? nullptr : &*it;
}

std::vector<Migration> RecordFiles::EarlierEnds() const {
  std::vector<Migration> ends;
  for (const v1::Migration& record : earlier_) ends.push_back(EndFrom(record));
  return ends;
}

void RecordFiles::OnMigration(const Migration& migration) {
  v1::Migration record;
  ToProto(migration, record);
  if (const absl::Status status = Write(record); !status.ok()) {
    return LogError(absl::StrCat("record of migration ", migration.id, ": ", status.message()));
  }
  MutexLock lock(mutex_);
  Keep(migration.id);
}

absl::Status RecordFiles::Write(const v1::Migration& record) const {
  return ReplaceFile(PathOf(record.id()), record.SerializeAsString());
}

std::string RecordFiles::PathOf(const std::string& id) const {
  return absl::StrCat(directory_, "/", id, kSuffix);
}

void RecordFiles::Keep(const std::string& id) {
  if (std::find(ids_.rbegin(), ids_.rend(), id) != ids_.rend()) return;
  ids_.push_back(id);
  while (ids_.size() > kMost) {
    std::error_code error;
    fs::remove(PathOf(ids_.front()), error);
    ids_.pop_front();
  }
}

}  // namespace numalocality
