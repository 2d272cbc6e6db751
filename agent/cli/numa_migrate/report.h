// The results that numa-migrate prints, as text, JSON or CSV. Pure.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_REPORT_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_REPORT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/cli/numa_migrate/numa_maps_check.h"
#include "agent/cli/numa_migrate/options.h"
#include "agent/cli/numa_migrate/output_fields.h"
#include "agent/model/drift.h"
#include "agent/model/ids.h"
#include "agent/model/migration.h"

namespace numalocality::numa_migrate {

// What numa-migrate reports in addition to the migration's result.
struct Observations {
  std::vector<DriftCause> drift_causes;
  std::optional<NumaMapsCheck> numa_maps;
  std::vector<std::string> notes;  // printed on standard error; in JSON also a field
};

// Whether pages were scanned after the last batch. A cancelled migration may not be verified.
bool WasVerified(const WorkloadMigration& result);

// The targets: "node 1", "nodes 0,2".
std::string TargetWords(const Options& options);

// --check: the share of the pages on each node. `pages`: resident pages by node, including memory
// nodes with 0 pages.
std::string CheckReport(const Options& options, const std::map<NodeId, int64_t>& pages);

// The result of a migration. With options.verify also the verifications, if there were any.
std::string MigrationReport(const Options& options, const WorkloadMigration& result,
                            const Observations& observations);

// The number and the longest time of the kernel calls that moved pages, and of the holds if there
// were any.
std::string StallNote(const WorkloadMigration& result);

// `fields` in `format`, JSON or CSV.
std::string Print(OutputFormat format, const Fields& fields);

// Adds "target_node", "target_nodes" if there are several, or "node_map".
void AddTarget(const Options& options, Fields& fields);

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_REPORT_H_
