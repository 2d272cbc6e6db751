// localityctl evacuate: frees a NUMA node.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_EVACUATE_COMMAND_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_EVACUATE_COMMAND_H_

#include <string>

#include "absl/strings/string_view.h"
#include "numalocality/v1/migration.pb.h"

namespace numalocality::localityctl {

// A table with a row for each workload in the order of the move: how much moves, where to, and the
// reason why memory stays. Pure.
std::string EvacuationPlanText(const v1::Migration& plan, int node);

// Whether the answer is "y" or "yes", ignoring case and surrounding blanks.
bool IsYes(absl::string_view answer);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_EVACUATE_COMMAND_H_
