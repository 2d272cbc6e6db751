// localityctl migrate
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/cli/localityctl/commands.h"
#include "agent/cli/localityctl/follow.h"
#include "agent/cli/localityctl/migrate_options.h"
#include "agent/cli/localityctl/result_text.h"

namespace numalocality {
namespace {

absl::StatusOr<ExitCode> Migrate(const GlobalOptions& globals, const MigrateOptions& options) {
  NL_ASSIGN_OR_RETURN(const v1::CreateMigrationRequest request, ToRequest(options));
  AgentClient client(globals.endpoint, globals.timeout);
  EndOnInterrupt("The migration may have begun all the same: 'localityctl migrations' shows it.");
  const auto response = client.CreateMigration(request);
  if (absl::IsAborted(response.status())) {
    return absl::AbortedError(absl::StrCat(
        response.status().message(),
        "; 'localityctl watch ID' waits for its end, 'localityctl cancel ID' stops it"));
  }
  if (!response.ok()) return response.status();
  const v1::Migration& migration = response->migration();
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

}  // namespace numalocality
