// The subcommands of localityctl. Each function adds one to `app`; its options and its code are in
// the file of its name.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_COMMANDS_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_COMMANDS_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/cli/exit_code.h"
#include "agent/cli/localityctl/agent_client.h"
#include "agent/cli/localityctl/output.h"

namespace numalocality {

// Options of all subcommands.
struct GlobalOptions {
  std::string endpoint = kDefaultEndpoint;
  OutputFormat output = OutputFormat::kTable;
  absl::Duration timeout = absl::Seconds(30);
};

struct Command {
  CLI::App* arguments;
  // Does it and prints the result on standard output. For after the command line was parsed, if
  // `arguments` was on it.
  std::function<absl::StatusOr<ExitCode>()> run;
};

// `globals` outlives the command, and is filled in by the time it runs.
Command TopologyCommand(CLI::App& app, const GlobalOptions& globals);
Command TopCommand(CLI::App& app, const GlobalOptions& globals);
Command MigrateCommand(CLI::App& app, const GlobalOptions& globals);
Command MigrationsCommand(CLI::App& app, const GlobalOptions& globals);
Command WatchCommand(CLI::App& app, const GlobalOptions& globals);
Command CancelCommand(CLI::App& app, const GlobalOptions& globals);
Command DoctorCommand(CLI::App& app, const GlobalOptions& globals);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_COMMANDS_H_
