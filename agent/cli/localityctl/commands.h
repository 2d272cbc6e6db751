// The subcommands of localityctl. Each function adds one to `app`; its options and its code are in
// the file of its name.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_COMMANDS_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_COMMANDS_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/cli/exit_code.h"
#include "agent/cli/localityctl/agent_client.h"
#include "agent/cli/localityctl/connection.h"
#include "agent/cli/localityctl/output.h"

namespace numalocality::localityctl {

// Options of all subcommands.
struct GlobalOptions {
  std::string endpoint = kDefaultEndpoint;
  std::string all;  // HOST:PORT of all agents, instead of the one at `endpoint`; empty: that one
  TlsOptions tls;   // for those over the network
  // The addresses behind a name, as endpoints.
  std::function<absl::StatusOr<std::vector<std::string>>(const HostPort&)> resolve = ResolveHost;
  OutputFormat output = OutputFormat::kTable;
  absl::Duration timeout = absl::Seconds(30);
};

// The one agent to ask. INVALID_ARGUMENT if all are to be, which not every command can.
absl::StatusOr<AgentClient> Connect(const GlobalOptions& globals);

struct Command {
  CLI::App* arguments;
  // Does it and prints the result on standard output. For after the command line was parsed, if
  // `arguments` was on it.
  std::function<absl::StatusOr<ExitCode>()> run;
};

// `globals` outlives the command, and is filled in by the time it runs.
Command TopologyCommand(CLI::App& app, const GlobalOptions& globals);
Command TopCommand(CLI::App& app, const GlobalOptions& globals);
Command ExplainCommand(CLI::App& app, const GlobalOptions& globals);
Command MigrateCommand(CLI::App& app, const GlobalOptions& globals);
Command MigrationsCommand(CLI::App& app, const GlobalOptions& globals);
Command WatchCommand(CLI::App& app, const GlobalOptions& globals);
Command CancelCommand(CLI::App& app, const GlobalOptions& globals);
Command PoliciesCommand(CLI::App& app, const GlobalOptions& globals);
Command EvacuateCommand(CLI::App& app, const GlobalOptions& globals);
Command ReserveCommand(CLI::App& app, const GlobalOptions& globals);
Command ReleaseCommand(CLI::App& app, const GlobalOptions& globals);
Command DoctorCommand(CLI::App& app, const GlobalOptions& globals);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_COMMANDS_H_
