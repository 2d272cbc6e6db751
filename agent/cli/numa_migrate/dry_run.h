// --dry-run: the plan of a migration, without moving pages of the process.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_DRY_RUN_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_DRY_RUN_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/cli/numa_migrate/options.h"
#include "agent/cli/numa_migrate/subject.h"
#include "agent/engine/context.h"
#include "agent/engine/move/workload_mover.h"
#include "agent/model/migration.h"

namespace numalocality::numa_migrate {

// The plan that --dry-run prints. Counts base pages.
struct DryRunPlan {
  int64_t page_bytes = 4096;
  int64_t misplaced_pages = 0;
  int64_t unchanged_pages = 0;
  // Parts of the misplaced pages. Other obstacles, such as pinned pages, show only when a move is
  // tried.
  std::optional<int64_t> shared_pages;  // the sharing rule leaves them; nullopt if unknown
  int64_t no_room_pages = 0;
  // Pages on the sources that numa-migrate does not move.
  int64_t page_cache_pages = 0;
  int64_t hugetlb_pages = 0;
  std::map<NodeId, int64_t> room_pages;  // free on each target above its reserve
  std::optional<absl::Duration> expected_time;

  int64_t MovablePages() const {
    return misplaced_pages - shared_pages.value_or(0) - no_room_pages;
  }
};

// Completes `planned`, the result of PlanWorkload for the spec in `options`. Measures the time of a
// page by moves of own memory. Errors as ScanUntilSignal.
absl::StatusOr<DryRunPlan> MakePlan(const EngineContext& context, const Options& options,
                                    const Subject& subject, const WorkloadMigration& planned);

// The plan in options.format. Pure.
std::string PlanReport(const Options& options, const DryRunPlan& plan);

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_DRY_RUN_H_
