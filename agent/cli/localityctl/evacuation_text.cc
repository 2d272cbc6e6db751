#include "agent/cli/localityctl/evacuation_text.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"
#include "agent/base/units.h"
#include "agent/cli/localityctl/words.h"
#include "agent/cli/table.h"

namespace numalocality::localityctl {

std::string EvacuationPlanText(const v1::Migration& plan, int node) {
  if (plan.workloads().empty()) {
    return absl::StrCat("No workload has memory on node ", node, " that could be moved.\n");
  }
  Table table({{"WORKLOAD"}, {"MOVES", Table::Align::kRight}, {"TO"}, {"WHAT STAYS, AND WHY"}});
  int64_t bytes = 0;
  int moving = 0;
  for (const v1::WorkloadMigration& workload : plan.workloads()) {
    const int64_t planned = workload.planned_page_count() * plan.page_bytes();
    bytes += planned;
    moving += planned > 0;
    const std::string reason = ReasonWord(workload.reason());
    const absl::string_view colon = reason.empty() || workload.message().empty() ? "" : ": ";
    table.AddRow({WorkloadWords(workload.workload()), FormatBytes(planned),
                  IdList(workload.target_node_ids()),
                  absl::StrCat(reason, colon, LogSafe(workload.message()))});
  }
  return absl::StrCat("To free node ", node, ", in this order:\n", table.ToString(2), "  ",
                      FormatBytes(bytes), " of ", moving, moving == 1 ? " workload" : " workloads",
                      " in all.\n");
}

}  // namespace numalocality::localityctl
