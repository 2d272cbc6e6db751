// localityctl doctor
#include <algorithm>
#include <iostream>

#include "agent/base/status.h"
#include "agent/cli/localityctl/all_agents.h"
#include "agent/cli/localityctl/commands.h"
#include "agent/cli/localityctl/status_text.h"

namespace numalocality::localityctl {
namespace {

using Answer = AgentAnswer<v1::GetStatusResponse>;

absl::StatusOr<ExitCode> DoctorOfAll(const GlobalOptions& globals) {
  NL_ASSIGN_OR_RETURN(AllAgents agents, AllAgents::Find(globals));
  const auto answers =
      agents.Ask<v1::GetStatusResponse>([](AgentClient& agent) { return agent.GetStatus(); });
  const ExitCode printed = PrintAnswers<v1::GetStatusResponse>(
      answers, globals.output, [](const std::vector<Answer>& good) {
        return SectionsText<v1::GetStatusResponse>(good, StatusText);
      });
  const bool all_fit = std::all_of(answers.begin(), answers.end(), [](const Answer& answer) {
    return !answer.response.ok() || IsFit(*answer.response);
  });
  return all_fit ? printed : kExitNotMigrated;
}

}  // namespace

Command DoctorCommand(CLI::App& app, const GlobalOptions& globals) {
  CLI::App* arguments =
      app.add_subcommand("doctor", "What the agent can do here, what hinders it, and what to do");
  const auto run = [&globals]() -> absl::StatusOr<ExitCode> {
    if (!globals.all.empty()) return DoctorOfAll(globals);
    NL_ASSIGN_OR_RETURN(AgentClient client, Connect(globals));
    NL_ASSIGN_OR_RETURN(const auto status, client.GetStatus());
    std::cout << Render(status, globals.output, [&] { return StatusText(status); });
    return IsFit(status) ? kExitSuccess : kExitNotMigrated;
  };
  return {arguments, run};
}

}  // namespace numalocality::localityctl
