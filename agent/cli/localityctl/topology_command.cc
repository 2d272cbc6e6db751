// localityctl topology
#include <iostream>

#include "agent/base/status.h"
#include "agent/cli/localityctl/all_agents.h"
#include "agent/cli/localityctl/commands.h"
#include "agent/cli/localityctl/placement_text.h"

namespace numalocality::localityctl {

Command TopologyCommand(CLI::App& app, const GlobalOptions& globals) {
  CLI::App* arguments = app.add_subcommand("topology", "The machine's NUMA nodes");
  const auto run = [&globals]() -> absl::StatusOr<ExitCode> {
    if (!globals.all.empty()) {
      return ShowSections<v1::GetTopologyResponse>(
          globals, [](AgentClient& agent) { return agent.GetTopology(); },
          [](const auto& response) { return TopologyText(response.topology()); });
    }
    NL_ASSIGN_OR_RETURN(AgentClient client, Connect(globals));
    NL_ASSIGN_OR_RETURN(const auto response, client.GetTopology());
    std::cout << Render(response.topology(), globals.output,
                        [&] { return TopologyText(response.topology()); });
    return kExitSuccess;
  };
  return {arguments, run};
}

}  // namespace numalocality::localityctl
