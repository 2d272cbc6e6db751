// Starting a migration, and watching it to its end.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_FOLLOW_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_FOLLOW_H_

#include <string>

#include "absl/status/statusor.h"
#include "agent/cli/exit_code.h"
#include "agent/cli/localityctl/agent_client.h"
#include "agent/cli/localityctl/output.h"

namespace numalocality::localityctl {

// From now on SIGINT prints `words` on standard error and ends the program with kExitInterrupted.
void EndOnInterrupt(const std::string& words);

// Creates a migration; says how to go on where another one is in the way (ABORTED). SIGINT
// meanwhile ends the program with words that it may have begun.
absl::StatusOr<v1::Migration> Submit(AgentClient& client,
                                     const v1::CreateMigrationRequest& request);

// Draws progress until the migration has ended, and prints its result. kExitSuccess if it
// SUCCEEDED, else kExitNotMigrated. SIGINT ends the program with words on how to cancel the
// migration, which goes on.
absl::StatusOr<ExitCode> Follow(AgentClient& client, const std::string& id, OutputFormat output);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_FOLLOW_H_
