// localityctl migrations, watch and cancel
#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/cli/localityctl/commands.h"
#include "agent/cli/localityctl/follow.h"
#include "agent/cli/localityctl/migration_text.h"
#include "agent/cli/localityctl/words.h"

namespace numalocality {
namespace {

std::shared_ptr<std::string> AddId(CLI::App& arguments) {
  auto id = std::make_shared<std::string>();
  arguments.add_option("ID", *id, "The migration's id, as 'migrate' printed it")->required();
  return id;
}

}  // namespace

Command MigrationsCommand(CLI::App& app, const GlobalOptions& globals) {
  CLI::App* arguments =
      app.add_subcommand("migrations", "Migrations that the agent remembers, newest first");
  const auto run = [&globals]() -> absl::StatusOr<ExitCode> {
    AgentClient client(globals.endpoint, globals.timeout);
    NL_ASSIGN_OR_RETURN(const auto list, client.ListMigrations());
    std::cout << Render(list, globals.output, [&] { return MigrationsText(list.migrations()); });
    return kExitSuccess;
  };
  return {arguments, run};
}

Command WatchCommand(CLI::App& app, const GlobalOptions& globals) {
  CLI::App* arguments =
      app.add_subcommand("watch", "Wait for the end of a migration, and show its result");
  const auto id = AddId(*arguments);
  const auto run = [&globals, id] {
    AgentClient client(globals.endpoint, globals.timeout);
    return Follow(client, *id, globals.output);
  };
  return {arguments, run};
}

Command CancelCommand(CLI::App& app, const GlobalOptions& globals) {
  CLI::App* arguments =
      app.add_subcommand("cancel", "Ask a migration to end after the pages it is moving now");
  const auto id = AddId(*arguments);
  const auto run = [&globals, id]() -> absl::StatusOr<ExitCode> {
    AgentClient client(globals.endpoint, globals.timeout);
    NL_ASSIGN_OR_RETURN(const auto response, client.CancelMigration(*id));
    const v1::Migration& migration = response.migration();
    std::cout << Render(migration, globals.output, [&] {
      return IsFinal(migration.state())
                 ? absl::StrCat("Migration ", *id, " had ended: ", StateWord(migration.state()),
                                "\n")
                 : absl::StrCat("Migration ", *id, " is asked to end; 'localityctl watch ", *id,
                                "' waits for that\n");
    });
    return kExitSuccess;
  };
  return {arguments, run};
}

}  // namespace numalocality
