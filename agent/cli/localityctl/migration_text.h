// Migrations in a list, and what a progress bar needs. Pure.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_MIGRATION_TEXT_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_MIGRATION_TEXT_H_

#include <google/protobuf/repeated_ptr_field.h>

#include <cstdint>
#include <string>
#include <vector>

#include "numalocality/v1/migration.pb.h"

namespace numalocality::localityctl {

// Pages with `outcome`.
int64_t PagesOf(const v1::WorkloadMigration& workload, v1::PageOutcome outcome);

// Bytes moved so far, and to be moved, of all workloads.
int64_t MovedBytes(const v1::Migration& migration);
int64_t PlannedBytes(const v1::Migration& migration);

// One line a migration. `machines`: as PlacementsText has it.
std::string MigrationsText(const google::protobuf::RepeatedPtrField<v1::Migration>& list,
                           const std::vector<std::string>& machines = {});

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_MIGRATION_TEXT_H_
