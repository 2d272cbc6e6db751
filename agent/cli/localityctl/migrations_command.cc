// localityctl migrations, watch and cancel
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/cli/localityctl/all_agents.h"
#include "agent/cli/localityctl/commands.h"
#include "agent/cli/localityctl/follow.h"
#include "agent/cli/localityctl/migration_text.h"
#include "agent/cli/localityctl/top_command.h"
#include "agent/cli/localityctl/words.h"

namespace numalocality::localityctl {
namespace {

std::shared_ptr<std::string> AddId(CLI::App& arguments) {
  auto id = std::make_shared<std::string>();
  arguments.add_option("ID", *id, "The migration's id, from 'migrate' or 'migrations'")->required();
  return id;
}

// The table shows no more than a summary has.
v1::Detail DetailFor(const GlobalOptions& globals) {
  return globals.output == OutputFormat::kTable ? v1::DETAIL_SUMMARY : v1::DETAIL_FULL;
}

absl::StatusOr<ExitCode> MigrationsOfAll(const GlobalOptions& globals) {
  using Response = v1::ListMigrationsResponse;
  NL_ASSIGN_OR_RETURN(const AllAgents agents, AllAgents::Find(globals));
  auto answers = agents.Ask<Response>(
      [&globals](AgentClient& agent) { return agent.ListMigrations(DetailFor(globals)); });
  return PrintAnswers<Response>(std::move(answers), globals.output, [](auto& good) {
    Response all;
    std::vector<std::string> nodes;
    for (AgentAnswer<Response>& answer : good) {
      for (auto& each : *answer.response->mutable_migrations()) all.add_migrations()->Swap(&each);
      nodes.resize(static_cast<size_t>(all.migrations_size()), answer.node);
    }
    return MigrationsText(all.migrations(), nodes);
  });
}

}  // namespace

Command MigrationsCommand(CLI::App& app, const GlobalOptions& globals) {
  CLI::App* arguments =
      app.add_subcommand("migrations", "List the running and recent migrations, newest first");
  const auto run = [&globals]() -> absl::StatusOr<ExitCode> {
    if (globals.calls_many()) return MigrationsOfAll(globals);
    NL_ASSIGN_OR_RETURN(AgentClient client, Connect(globals));
    NL_ASSIGN_OR_RETURN(const auto list, client.ListMigrations(DetailFor(globals)));
    std::cout << Render(list, globals.output, [&] { return MigrationsText(list.migrations()); });
    return kExitSuccess;
  };
  return {arguments, run};
}

Command WatchCommand(CLI::App& app, const GlobalOptions& globals) {
  CLI::App* arguments =
      app.add_subcommand("watch", "Follow a migration to its end; without ID, follow placements");
  const auto id = std::make_shared<std::string>();
  arguments->add_option("ID", *id,
                        "The migration's id, from 'migrate' or 'migrations'; without it, "
                        "placements are printed as they change");
  const auto run = [&globals, id]() -> absl::StatusOr<ExitCode> {
    NL_ASSIGN_OR_RETURN(AgentClient client, Connect(globals));
    if (!id->empty()) return Follow(client, *id, globals.output);
    return WatchPlacements(client, {{}, "", true}, globals.output, false);
  };
  return {arguments, run};
}

Command CancelCommand(CLI::App& app, const GlobalOptions& globals) {
  CLI::App* arguments =
      app.add_subcommand("cancel", "Stop a migration after the batch of pages that is being moved");
  const auto id = AddId(*arguments);
  const auto run = [&globals, id]() -> absl::StatusOr<ExitCode> {
    NL_ASSIGN_OR_RETURN(AgentClient client, Connect(globals));
    NL_ASSIGN_OR_RETURN(const auto response, client.CancelMigration(*id));
    const v1::Migration& migration = response.migration();
    std::cout << Render(migration, globals.output, [&] {
      return HasEnded(migration.state())
                 ? absl::StrCat("Migration ", *id,
                                " had already ended: ", StateWord(migration.state()), "\n")
                 : absl::StrCat("Migration ", *id,
                                " is being cancelled; wait for its end with 'localityctl watch ",
                                *id, "'\n");
    });
    return kExitSuccess;
  };
  return {arguments, run};
}

}  // namespace numalocality::localityctl
