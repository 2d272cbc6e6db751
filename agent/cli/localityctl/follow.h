// Starts a migration and follows it to its end: shared by migrate, evacuate and watch.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_FOLLOW_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_FOLLOW_H_

#include <string>

#include "absl/status/statusor.h"
#include "agent/cli/exit_code.h"
#include "agent/cli/localityctl/agent_client.h"
#include "agent/cli/localityctl/output.h"

namespace numalocality::localityctl {

// From now on SIGINT prints `message` on standard error and ends the program with kExitInterrupted.
void EndOnInterrupt(const std::string& message);

// An ID that no other request has.
std::string NewRequestId();

// Creates a migration, with a new request ID if the request has none, so that it is tried again if
// the agent is lost meanwhile. If another migration is moving the workload (ABORTED), the message
// says how to wait for it or cancel it. SIGINT during the call ends the program with a note that
// the migration may have started.
absl::StatusOr<v1::Migration> Submit(AgentClient& client, v1::CreateMigrationRequest request);

// Draws progress until the migration ends, then prints its result. kExitSuccess if its state is
// SUCCEEDED, else kExitNotMigrated. SIGINT ends the program, not the migration; the message says
// how to watch or cancel that.
absl::StatusOr<ExitCode> Follow(AgentClient& client, const std::string& id, OutputFormat output);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_FOLLOW_H_
