// localityctl migrate
#include <algorithm>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/cli/localityctl/all_agents.h"
#include "agent/cli/localityctl/commands.h"
#include "agent/cli/localityctl/follow.h"
#include "agent/cli/localityctl/migrate_options.h"
#include "agent/cli/localityctl/result_text.h"

namespace numalocality::localityctl {
namespace {

// The one agent, of all, whose machine has the workload: pods' names and UIDs, and containers' ids,
// mean the same on all machines.
absl::StatusOr<AgentClient> ConnectToMachineOf(const GlobalOptions& globals,
                                               const v1::WorkloadSelector& workload) {
  if (workload.has_pid() || workload.has_cgroup_path()) {
    return absl::InvalidArgumentError(
        "--pid and --cgroup may name something on every machine: name one agent by --endpoint, "
        "instead of --all, or the workload by --pod or --container");
  }
  v1::GetPlacementRequest request;
  *request.mutable_workload() = workload;
  NL_ASSIGN_OR_RETURN(AllAgents agents, AllAgents::Find(globals));
  auto answers = agents.Ask<v1::GetPlacementResponse>(
      [&request](AgentClient& agent) { return agent.GetPlacement(request); });
  NL_RETURN_IF_ERROR(KeepFound(answers));
  const auto found = std::partition(answers.begin(), answers.end(),
                                    [](const auto& answer) { return answer.response.ok(); });
  if (found == answers.begin()) return answers.front().response.status();
  if (found - answers.begin() == 1) return agents.Take(answers.front().endpoint);
  return absl::FailedPreconditionError(
      absl::StrCat("the agents of ", answers[0].node, " and ", answers[1].node,
                   " both have such a workload: name one agent by --endpoint, instead of --all"));
}

absl::StatusOr<ExitCode> Migrate(const GlobalOptions& globals, const MigrateOptions& options) {
  NL_ASSIGN_OR_RETURN(const v1::CreateMigrationRequest request, ToRequest(options));
  NL_ASSIGN_OR_RETURN(AgentClient client, globals.all.empty()
                                              ? Connect(globals)
                                              : ConnectToMachineOf(globals, request.workloads(0)));
  NL_ASSIGN_OR_RETURN(const v1::Migration migration, Submit(client, request));
  if (options.wait && !options.dry_run) return Follow(client, migration.id(), globals.output);
  std::cout << Render(migration, globals.output, [&] {
    return options.dry_run ? PlanText(migration) : migration.id() + "\n";
  });
  return kExitSuccess;
}

}  // namespace

Command MigrateCommand(CLI::App& app, const GlobalOptions& globals) {
  const auto options = std::make_shared<MigrateOptions>();
  CLI::App* arguments = app.add_subcommand(
      "migrate", "Move a workload's memory, to where its CPUs are unless told otherwise");
  AddMigrateOptions(*arguments, *options);
  return {arguments, [&globals, options] { return Migrate(globals, *options); }};
}

}  // namespace numalocality::localityctl
