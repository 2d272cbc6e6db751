// What numa-migrate prints on standard output. Pure.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_REPORT_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_REPORT_H_

#include <cstdint>
#include <map>
#include <string>

#include "agent/cli/numa_migrate/options.h"
#include "agent/model/ids.h"
#include "agent/model/migration.h"

namespace numalocality {

// --check: the share of the pages on each node. `pages`: resident pages by node; nodes that are
// memory nodes but hold none are in it with 0.
std::string CheckReport(const Options& options, const std::map<NodeId, int64_t>& pages);

// --dry-run: what `plan` would move. `free_bytes`: on the target.
std::string PlanReport(const Options& options, const WorkloadMigration& plan, int64_t page_bytes,
                       int64_t free_bytes);

// What a migration has done. With options.verify also what the re-query found, unless the migration
// was cancelled before it.
std::string MigrationReport(const Options& options, const WorkloadMigration& result);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_REPORT_H_
