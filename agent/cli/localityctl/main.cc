// localityctl: asks one agent about memory placement, and has it move memory.
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/base/version.h"
#include "agent/cli/arguments.h"
#include "agent/cli/exit_code.h"
#include "agent/cli/localityctl/commands.h"

namespace numalocality {
namespace {

constexpr char kExamples[] = R"(
Examples:
  localityctl top                                     where is every container's memory?
  localityctl migrate --pod 0f8c2e5a-... --wait       bring a pod's memory to its CPUs
  localityctl migrate --pid 4321 --to-node 1 --dry-run
  localityctl migrations --output json
  localityctl watch 65f1a2b3-7
  localityctl doctor                                  can the agent do its job here?

Exit codes: 0 success; 1 invalid arguments, not found, or the agent is out of reach; 2 permission
denied; 3 the migration did not succeed, or cannot start now, or the agent cannot do its job; 130
interrupted.
)";

absl::StatusOr<std::string> ParseEndpoint(absl::string_view text) {
  if (absl::StartsWith(text, "unix:") && text.size() > 5) return std::string(text);
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not an endpoint; write unix: and the path of a socket"));
}

int Main(int argc, char** argv) {
  CLI::App app("Asks the NUMA locality agent of this machine.", "localityctl");
  GlobalOptions globals;
  app.set_version_flag("--version", kVersion);
  app.require_subcommand(1);
  app.fallthrough();  // global options may stand behind the subcommand
  AddParsedOption(app, "--endpoint", ParseEndpoint, globals.endpoint,
                  absl::StrCat("The agent's socket; default ", kDefaultEndpoint))
      ->type_name("unix:PATH");
  AddParsedOption(app, "--output", ParseOutputFormat, globals.output,
                  "table (the default), json or yaml")
      ->type_name("FORMAT");
  AddParsedOption(app, "--timeout", ParseTimeSpan, globals.timeout,
                  "Longest time for an answer; default 30s")
      ->type_name("TIME");
  const Command commands[] = {TopologyCommand(app, globals), TopCommand(app, globals),
                              MigrateCommand(app, globals),  MigrationsCommand(app, globals),
                              WatchCommand(app, globals),    CancelCommand(app, globals),
                              DoctorCommand(app, globals)};
  app.footer(kExamples);  // now, as subcommands made later would have it, too
  if (const auto exit_code = ParseCommandLine(app, argc, argv)) return *exit_code;
  for (const Command& command : commands) {
    if (!command.arguments->parsed()) continue;
    return End(command.run());
  }
  return kExitError;  // require_subcommand has seen to it that one was parsed
}

}  // namespace
}  // namespace numalocality

// CLI11 throws for options that are declared wrongly: a mistake of this program's, not its user's.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) { return numalocality::Main(argc, argv); }
