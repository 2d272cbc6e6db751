#include "agent/cli/localityctl/topology_command.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/base/units.h"
#include "agent/cli/localityctl/all_agents.h"
#include "agent/cli/localityctl/commands.h"
#include "agent/cli/localityctl/words.h"
#include "agent/cli/table.h"

namespace numalocality::localityctl {

std::string TopologyText(const v1::Topology& topology) {
  std::vector<Table::Column> columns = {{"NODE", Table::Align::kRight},
                                        {"CPUS"},
                                        {"MEMORY", Table::Align::kRight},
                                        {"FREE", Table::Align::kRight}};
  for (const v1::Node& node : topology.nodes()) {
    columns.push_back({absl::StrCat("TO ", node.node_id()), Table::Align::kRight});
  }
  Table table(std::move(columns));
  for (const v1::Node& node : topology.nodes()) {
    std::vector<std::string> cells = {absl::StrCat(node.node_id()), IdList(node.cpu_ids()),
                                      node.has_memory() ? FormatBytes(node.total_bytes()) : "",
                                      node.has_memory() ? FormatBytes(node.free_bytes()) : ""};
    std::map<int, int> distances;
    for (const v1::NodeDistance& to : node.distances()) distances[to.node_id()] = to.distance();
    for (const v1::Node& to : topology.nodes()) {
      const auto distance = distances.find(to.node_id());
      cells.push_back(distance == distances.end() ? "" : absl::StrCat(distance->second));
    }
    table.AddRow(std::move(cells));
  }
  return table.ToString();
}

Command TopologyCommand(CLI::App& app, const GlobalOptions& globals) {
  CLI::App* arguments =
      app.add_subcommand("topology", "Show the machine's NUMA nodes: CPUs, memory and distances");
  const auto run = [&globals]() -> absl::StatusOr<ExitCode> {
    if (globals.calls_many()) {
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
