// What a migration has done, for programs: the values of --json and --csv. Pure.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_MIGRATION_RECORD_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_MIGRATION_RECORD_H_

#include "agent/cli/numa_migrate/options.h"
#include "agent/cli/numa_migrate/record.h"
#include "agent/cli/numa_migrate/report.h"
#include "agent/model/migration.h"

namespace numalocality::numa_migrate {

// Has the same names whatever the outcome, but for those of things that were not asked for.
Record MigrationRecord(const Options& options, const WorkloadMigration& result,
                       const Findings& findings);

// "target_node", or with a node map "node_map".
void AddTarget(const Options& options, Record& record);

// "never", "owned", "all".
absl::string_view SharingRuleName(SharingRule rule);

// "no memory on the target" as "no_memory_on_the_target".
std::string OutcomeKey(PageOutcome outcome);

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_MIGRATION_RECORD_H_
