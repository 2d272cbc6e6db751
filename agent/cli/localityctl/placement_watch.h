// Following the agent's stream of placements, in place on a terminal or change by change.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_PLACEMENT_WATCH_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_PLACEMENT_WATCH_H_

#include "absl/status/statusor.h"
#include "agent/cli/exit_code.h"
#include "agent/cli/localityctl/agent_client.h"
#include "agent/cli/localityctl/output.h"
#include "numalocality/v1/workload.pb.h"

namespace numalocality::localityctl {

// To a terminal's upper left corner, and clear all below.
inline constexpr char kClearScreen[] = "\033[H\033[J";

// Which changes are shown.
struct WatchFilter {
  v1::WorkloadSelector selector;  // NAME_NOT_SET: all
  bool sandboxes = false;         // those, too

  bool Shows(const v1::WatchPlacementsResponse& change) const;
};

// Shows placements as they change, until standard output is closed or the agent ends the stream.
// kTable with `in_place`: all of them as a table, drawn anew; else a line a change. kJson: a line,
// kYaml: a document for each change as the API has it, with the marks of a resync.
absl::StatusOr<ExitCode> WatchPlacements(AgentClient& client, const WatchFilter& filter,
                                         OutputFormat output, bool in_place);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_PLACEMENT_WATCH_H_
