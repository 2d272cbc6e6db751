// localityctl top: the placements of workloads as a table, once or as they change.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_TOP_COMMAND_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_TOP_COMMAND_H_

#include <google/protobuf/repeated_ptr_field.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/cli/exit_code.h"
#include "agent/cli/localityctl/agent_client.h"
#include "agent/cli/localityctl/output.h"
#include "numalocality/v1/placement.pb.h"
#include "numalocality/v1/workload.pb.h"

namespace numalocality::localityctl {

// A table with a row for each workload: its names, CPUs, home nodes, anonymous and shmem bytes (on
// each node, or their sum if there are more than four nodes), how much of them is local and how
// much remote, and the decision of the repair loop. Notes below the table name what could not be
// read. `machines`: the machine of each row, for the answers of several agents; empty for one
// agent. Pure.
std::string PlacementsText(const google::protobuf::RepeatedPtrField<v1::WorkloadPlacement>& list,
                           const std::vector<std::string>& machines = {});

// Which placements top and watch show.
struct WatchFilter {
  v1::WorkloadSelector selector;   // NAME_NOT_SET: all workloads
  std::string pod_namespace = {};  // empty: all namespaces, and what is in none
  bool sandboxes = false;          // also pods' sandboxes

  bool Shows(const v1::Workload& workload) const;
  bool Shows(const v1::WorkloadPlacement& placement) const;
  bool Shows(const v1::WatchPlacementsResponse& change) const;
};

// Shows placements as they change, until standard output is closed or the agent ends the stream.
// kTable with `in_place` redraws the table of all placements; without it prints a line for each
// change. kJson prints a line and kYaml a document for each message of the API, including those
// that mark a resync.
absl::StatusOr<ExitCode> WatchPlacements(AgentClient& client, const WatchFilter& filter,
                                         OutputFormat output, bool in_place);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_TOP_COMMAND_H_
