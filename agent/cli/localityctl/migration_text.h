// Migrations as text: in a list, as a result, as a plan. Pure.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_MIGRATION_TEXT_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_MIGRATION_TEXT_H_

#include <google/protobuf/repeated_ptr_field.h>

#include <cstdint>
#include <string>
#include <vector>

#include "numalocality/v1/migration.pb.h"

namespace numalocality::localityctl {

// The number of pages with `outcome`.
int64_t PagesOf(const v1::WorkloadMigration& workload, v1::PageOutcome outcome);

// Bytes of all workloads: moved so far, and planned.
int64_t MovedBytes(const v1::Migration& migration);
int64_t PlannedBytes(const v1::Migration& migration);

// A table with a row for each migration. `machines`: the machine of each row, for the answers of
// several agents; empty for one agent.
std::string MigrationsText(const google::protobuf::RepeatedPtrField<v1::Migration>& list,
                           const std::vector<std::string>& machines = {});

// A migration that has ended: its state, and for each workload the outcomes of its pages with
// advice, the memory before and after, the verifications, the cross-check, and the cost.
std::string ResultText(const v1::Migration& migration);

// A plan: what the migration would move, and why it cannot move the rest.
std::string PlanText(const v1::Migration& plan);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_MIGRATION_TEXT_H_
