// The subcommands of localityctl. Each function adds one subcommand to `app`. Most are in a file of
// their name; watch and cancel are in migrations_command.cc, release is in reserve_command.cc, and
// configuration in policies_command.cc.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_COMMANDS_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_COMMANDS_H_

#include <functional>

#include "absl/status/statusor.h"
#include "agent/cli/exit_code.h"
#include "agent/cli/localityctl/connection.h"

namespace CLI {
class App;
}

namespace numalocality::localityctl {

struct Command {
  CLI::App* arguments;
  // Runs the subcommand and prints its result on standard output. Call it after the command line
  // was parsed, if `arguments` was given.
  std::function<absl::StatusOr<ExitCode>()> run;
};

// `globals` must outlive the command. It is read when the command runs.
Command TopologyCommand(CLI::App& app, const GlobalOptions& globals);
Command TopCommand(CLI::App& app, const GlobalOptions& globals);
Command ExplainCommand(CLI::App& app, const GlobalOptions& globals);
Command MigrateCommand(CLI::App& app, const GlobalOptions& globals);
Command MigrationsCommand(CLI::App& app, const GlobalOptions& globals);
Command WatchCommand(CLI::App& app, const GlobalOptions& globals);
Command CancelCommand(CLI::App& app, const GlobalOptions& globals);
Command PoliciesCommand(CLI::App& app, const GlobalOptions& globals);
Command ConfigurationCommand(CLI::App& app, const GlobalOptions& globals);
Command EvacuateCommand(CLI::App& app, const GlobalOptions& globals);
Command ReserveCommand(CLI::App& app, const GlobalOptions& globals);
Command ReleaseCommand(CLI::App& app, const GlobalOptions& globals);
Command DoctorCommand(CLI::App& app, const GlobalOptions& globals);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_COMMANDS_H_
