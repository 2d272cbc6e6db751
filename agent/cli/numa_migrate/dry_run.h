// --dry-run: what a migration would do, without doing it.
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

struct Forecast {
  int64_t page_bytes = 4096;
  int64_t misplaced_pages = 0;
  int64_t unchanged_pages = 0;
  // Of the misplaced ones. Pins and the like show only when a move is tried.
  std::optional<int64_t> shared_pages;  // left by the sharing rule; nullopt if that cannot be seen
  int64_t no_room_pages = 0;
  // Elsewhere than on their target, and no business of the request.
  int64_t page_cache_pages = 0;
  int64_t hugetlb_pages = 0;
  std::map<NodeId, int64_t> room_pages;  // of each target, above its reserve
  std::optional<absl::Duration> expected_time;

  int64_t MovablePages() const {
    return misplaced_pages - shared_pages.value_or(0) - no_room_pages;
  }
};

// `plan` is PlanWorkload's for the spec in `options`. Errors as ScanUntilSignal.
absl::StatusOr<Forecast> MakeForecast(const EngineContext& context, const Options& options,
                                      const Subject& subject, const WorkloadMigration& plan);

// Pure.
std::string ForecastReport(const Options& options, const Forecast& forecast);

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_DRY_RUN_H_
