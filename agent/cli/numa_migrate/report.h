// What numa-migrate prints on standard output. Pure.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_REPORT_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_REPORT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/cli/numa_migrate/numa_maps_check.h"
#include "agent/cli/numa_migrate/options.h"
#include "agent/cli/numa_migrate/record.h"
#include "agent/model/drift.h"
#include "agent/model/ids.h"
#include "agent/model/migration.h"

namespace numalocality::numa_migrate {

// What was found out beside the migration itself.
struct Findings {
  std::vector<DriftCause> drift_causes;
  std::optional<NumaMapsCheck> numa_maps;
  std::vector<std::string> notes;  // for JSON: people get them on standard error
};

// Whether pages were looked at after the last batch: not of a cancelled migration.
bool WasVerified(const WorkloadMigration& result);

// "node 1", "nodes 0,2": where the memory is to go.
std::string TargetWords(const Options& options);

// --check: the share of the pages on each node. `pages`: resident pages by node; nodes that are
// memory nodes but hold none are in it with 0.
std::string CheckReport(const Options& options, const std::map<NodeId, int64_t>& pages);

// What a migration has done. With options.verify also what the last look and those before found,
// if there was one.
std::string MigrationReport(const Options& options, const WorkloadMigration& result,
                            const Findings& findings);

// How long kernel calls, and holds if there were any, kept a thread waiting at most.
std::string StallNote(const WorkloadMigration& result);

// In JSON or CSV.
std::string Print(OutputFormat format, const Record& record);

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_REPORT_H_
