#include "agent/engine/migrate/recovery.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/engine/workload/placement_reader.h"
#include "agent/engine/workload/workload_finder.h"
#include "agent/os/node/topology_reader.h"
#include "agent/os/pages/page_sample.h"
#include "agent/os/process/process_handle.h"

namespace numalocality {
namespace {

bool HasMoved(const WorkloadMigration& result) { return result.outcomes[PageOutcome::kMoved] > 0; }

// Whether the agent ended before this workload's part did, and its memory has not been measured
// since.
bool IsCutShort(const WorkloadMigration& result) {
  if (!IsFinal(result.state)) return true;
  return result.reason == MigrationReason::kInterrupted && result.verifications.empty() &&
         result.after_restart.nodes.empty();
}

// NOT_FOUND if the workload is gone.
absl::StatusOr<MemoryByNode> ReadMemory(const EngineContext& context, const Topology& topology,
                                        const Workload& workload) {
  if (!workload.process.has_value()) {
    NL_ASSIGN_OR_RETURN(WorkloadPlacement placement,
                        PlacementReader(context.kernel, context.host, context.clock)
                            .Read(workload, topology, PlacementView::kBasic, [] { return false; }));
    return std::move(placement.memory);
  }
  // A sample, because the agent answers no request before this is done, however large the process.
  NL_ASSIGN_OR_RETURN(
      const ProcessHandle process,
      WorkloadFinder(context.host).OpenProcess(context.kernel, workload, workload.process->pid));
  NL_ASSIGN_OR_RETURN(const PageSample sample,
                      SamplePages(context.kernel, context.clock, process, context.host, topology));
  return sample.EstimateMemory(topology.page_bytes);
}

void Interrupt(WorkloadMigration& result) {
  if (!IsFinal(result.state)) {
    result.state = HasMoved(result) ? MigrationState::kPartial : MigrationState::kFailed;
    result.reason = MigrationReason::kInterrupted;
  }
  result.message = absl::StrCat(
      "the agent exited during this migration: the counts may lack its last second, and 'after' "
      "was measured by ",
      result.workload.process.has_value() ? "a sample of its pages" : "memory.numa_stat",
      " when the agent started again");
}

void Measure(const EngineContext& context, const Topology& topology, WorkloadMigration& result) {
  auto memory = ReadMemory(context, topology, result.workload);
  if (absl::IsNotFound(memory.status())) {
    absl::StrAppend(&result.message, "; the workload is gone");
  }
  if (memory.ok()) result.after_restart = *std::move(memory);
}

// Of the record of an earlier agent, whose monotonic clock may have been another one.
void SetMonotonicTimes(const Clock& clock, Migration& migration) {
  migration.ended_at = clock.MonotonicAt(migration.end_time);
  const absl::Duration ran = migration.end_time - migration.start_time;
  migration.started_at = migration.ended_at - std::max(ran, absl::ZeroDuration());
}

}  // namespace

bool RecoverInterrupted(const EngineContext& context, Migration& migration) {
  const bool was_shut_down = migration.reason == MigrationReason::kInterrupted;
  if (IsFinal(migration.state) && !was_shut_down) return false;
  const auto topology = TopologyReader(context.host).Read();
  bool changed = false;
  for (WorkloadMigration& result : migration.workloads) {
    if (!IsCutShort(result)) continue;
    // An earlier restart may have found that the workload is gone, which is all that there is.
    const std::string message = result.message;
    Interrupt(result);
    if (topology.ok()) Measure(context, *topology, result);
    changed = changed || result.message != message || !result.after_restart.nodes.empty();
  }
  if (!IsFinal(migration.state)) {
    const bool has_moved =
        std::any_of(migration.workloads.begin(), migration.workloads.end(), HasMoved);
    migration.state = has_moved ? MigrationState::kPartial : MigrationState::kFailed;
    migration.end_time = context.clock.Now();
    migration.reason = MigrationReason::kInterrupted;
    changed = true;
  }
  return changed;
}

absl::StatusOr<std::vector<Migration>> LoadEarlier(const EngineContext& context,
                                                   MigrationStore& store) {
  NL_ASSIGN_OR_RETURN(std::vector<Migration> earlier, store.Load());
  std::sort(earlier.begin(), earlier.end(),
            [](const Migration& a, const Migration& b) { return a.create_time < b.create_time; });
  for (Migration& migration : earlier) {
    if (RecoverInterrupted(context, migration)) {
      const absl::Status saved = store.Save(migration);
      if (!saved.ok()) LogError(saved.message());
    }
    SetMonotonicTimes(context.clock, migration);
  }
  return earlier;
}

}  // namespace numalocality
