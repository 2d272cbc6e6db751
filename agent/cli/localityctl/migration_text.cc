#include "agent/cli/localityctl/migration_text.h"

#include "absl/strings/str_cat.h"
#include "agent/base/units.h"
#include "agent/cli/localityctl/words.h"
#include "agent/cli/table.h"

namespace numalocality::localityctl {

int64_t PagesOf(const v1::WorkloadMigration& workload, v1::PageOutcome outcome) {
  int64_t pages = 0;
  for (const v1::OutcomeCount& count : workload.outcomes()) {
    if (count.outcome() == outcome) pages += count.page_count();
  }
  return pages;
}

int64_t MovedBytes(const v1::Migration& migration) {
  int64_t pages = 0;
  for (const auto& workload : migration.workloads()) {
    pages += PagesOf(workload, v1::PAGE_OUTCOME_MOVED);
  }
  return pages * migration.page_bytes();
}

int64_t PlannedBytes(const v1::Migration& migration) {
  int64_t pages = 0;
  for (const auto& workload : migration.workloads()) pages += workload.planned_page_count();
  return pages * migration.page_bytes();
}

std::string MigrationsText(const google::protobuf::RepeatedPtrField<v1::Migration>& list,
                           const std::vector<std::string>& machines) {
  if (list.empty()) return "No migrations.\n";
  Table table({{"ID"},
               {"STATE"},
               {"REASON"},
               {"WORKLOAD"},
               {"MOVED", Table::Align::kRight},
               {"PLANNED", Table::Align::kRight},
               {"TIME", Table::Align::kRight},
               {"CREATED"}});
  for (const v1::Migration& migration : list) {
    std::string workloads;
    if (!migration.workloads().empty())
      workloads = WorkloadWords(migration.workloads(0).workload());
    if (migration.workloads_size() > 1) {
      absl::StrAppend(&workloads, " and ", migration.workloads_size() - 1, " more");
    }
    table.AddRow({migration.id(), StateWord(migration.state()), ReasonWord(migration.reason()),
                  workloads, FormatBytes(MovedBytes(migration)),
                  FormatBytes(PlannedBytes(migration)), RunTimeWords(migration),
                  TimeWords(migration.create_time())});
  }
  if (!machines.empty()) table.Prepend({"NODE"}, machines);
  return table.ToString();
}

}  // namespace numalocality::localityctl
