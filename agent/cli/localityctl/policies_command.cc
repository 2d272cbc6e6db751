// localityctl policies
#include <iostream>

#include "agent/base/status.h"
#include "agent/cli/localityctl/all_agents.h"
#include "agent/cli/localityctl/commands.h"
#include "agent/cli/localityctl/policies_text.h"

namespace numalocality::localityctl {

Command PoliciesCommand(CLI::App& app, const GlobalOptions& globals) {
  CLI::App* arguments =
      app.add_subcommand("policies", "What the agent repairs by itself, and within which limits");
  const auto run = [&globals]() -> absl::StatusOr<ExitCode> {
    if (!globals.all.empty()) {
      return ShowSections<v1::GetPoliciesResponse>(
          globals, [](AgentClient& agent) { return agent.GetPolicies(); }, PoliciesText);
    }
    NL_ASSIGN_OR_RETURN(AgentClient client, Connect(globals));
    NL_ASSIGN_OR_RETURN(const auto policies, client.GetPolicies());
    std::cout << Render(policies, globals.output, [&] { return PoliciesText(policies); });
    return kExitSuccess;
  };
  return {arguments, run};
}

}  // namespace numalocality::localityctl
