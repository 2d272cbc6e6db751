// localityctl doctor
#include <iostream>

#include "agent/base/status.h"
#include "agent/cli/localityctl/commands.h"
#include "agent/cli/localityctl/status_text.h"

namespace numalocality {

Command DoctorCommand(CLI::App& app, const GlobalOptions& globals) {
  CLI::App* arguments =
      app.add_subcommand("doctor", "What the agent can do here, what hinders it, and what to do");
  const auto run = [&globals]() -> absl::StatusOr<ExitCode> {
    AgentClient client(globals.endpoint, globals.timeout);
    NL_ASSIGN_OR_RETURN(const auto status, client.GetStatus());
    std::cout << Render(status, globals.output, [&] { return StatusText(status); });
    return IsFit(status) ? kExitSuccess : kExitNotMigrated;
  };
  return {arguments, run};
}

}  // namespace numalocality
