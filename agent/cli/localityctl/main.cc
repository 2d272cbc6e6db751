// localityctl: the command-line client of the agents.
#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/base/version.h"
#include "agent/cli/arguments.h"
#include "agent/cli/exit_code.h"
#include "agent/cli/help_format.h"
#include "agent/cli/localityctl/commands.h"
#include "agent/cli/localityctl/connection.h"

namespace numalocality::localityctl {
namespace {

constexpr char kExamples[] = R"(
Examples:
  localityctl top                                     where each container's memory is
  localityctl explain --pod 0f8c2e5a-...              why a pod's memory is remote
  localityctl migrate --pod 0f8c2e5a-... --wait       move a pod's memory to its CPUs, and wait
  localityctl migrate --pod shop/db-0 --container mysql --to-node 1
  localityctl migrate --pid 4321 --to-node 1 --dry-run
  localityctl migrations --output json
  localityctl watch 65f1a2b3-7
  localityctl policies                                what the agent repairs by itself
  localityctl configuration                           all settings, as a configuration file
  localityctl evacuate 0 --free 32G --wait            free 32 GiB on node 0
  localityctl doctor                                  what the agent can and cannot do here
  localityctl --all numa-locality-agent.numa-locality.svc:9463 \
      --ca ca.crt --cert tls.crt --key tls.key top    the containers of all machines

Exit codes: 0 success; 1 invalid arguments, not found, or the agent cannot be reached; 2 permission
denied; 3 the migration did not succeed or cannot start now, or doctor has found an error; 130
interrupted.
)";

// Each needs a thread and a connection: 1024 file descriptors are a common limit.
constexpr int kMostParallel = 500;

absl::StatusOr<std::string> ParseAll(absl::string_view text) {
  const absl::Status parsed = ParseHostPort(text).status();
  if (!parsed.ok()) return parsed;
  return std::string(text);
}

absl::StatusOr<int> ParseParallel(absl::string_view text) {
  int parallel = 0;
  if (absl::SimpleAtoi(text, &parallel) && parallel > 0 && parallel <= kMostParallel) {
    return parallel;
  }
  return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not a number of agents; write a ",
                                                 "whole number from 1 to ", kMostParallel));
}

void AddConnectionOptions(CLI::App& app, GlobalOptions& globals) {
  constexpr char kGroup[] = "Connection to the agent";
  AddParsedOption(
      app, "--endpoint", ParseEndpoint, globals.endpoint,
      absl::StrCat("The agent's unix socket, or its network address (mutual TLS); default ",
                   kDefaultEndpoint))
      ->type_name("unix:PATH|HOST:PORT")
      ->envname("LOCALITYCTL_ENDPOINT")
      ->group(kGroup);
  CLI::Option* all =
      AddParsedOption(app, "--all", ParseAll, globals.all,
                      "Call the agents of all machines: those at each address of this name, such "
                      "as a headless Service. Only for subcommands that read, and for migrate "
                      "--pod or --container")
          ->type_name("NAME:PORT")
          ->group(kGroup);
  app.add_option("--endpoints", globals.endpoints_file,
                 "As --all, for the agents in this file, or on standard input: an endpoint in each "
                 "line, and the name of its node if known")
      ->type_name("FILE|-")
      ->group(kGroup)
      ->excludes(all);
  AddParsedOption(app, "--parallel", ParseParallel, globals.parallel,
                  "How many agents --all and --endpoints call at a time; default 16")
      ->type_name("N")
      ->group(kGroup);
  const auto add = [&](const char* name, std::string& target, const char* type,
                       const char* environment, const char* description) {
    app.add_option(name, target, description)->type_name(type)->envname(environment)->group(kGroup);
  };
  add("--ca", globals.tls.ca, "FILE", "LOCALITYCTL_CA",
      "Certificates of the CA that signed the agents' certificates (PEM)");
  add("--cert", globals.tls.certificate, "FILE", "LOCALITYCTL_CERT", "Your certificate (PEM)");
  add("--key", globals.tls.key, "FILE", "LOCALITYCTL_KEY",
      "The private key of that certificate (PEM)");
  add("--server-name", globals.tls.server_name, "NAME", "LOCALITYCTL_SERVER_NAME",
      "Name that the agent's certificate must have; default HOST or NAME");
}

int Main(int argc, char** argv) {
  CLI::App app(
      "Shows and changes where the memory of containers is, through the NUMA locality agents.",
      "localityctl");
  app.formatter(std::make_shared<HelpFormat>());
  GlobalOptions globals;
  app.set_version_flag("--version", VersionText());
  app.require_subcommand(1);
  app.fallthrough();  // global options may follow the subcommand
  AddConnectionOptions(app, globals);
  AddParsedOption(app, "--output", ParseOutputFormat, globals.output,
                  "Output format: table (the default), json or yaml")
      ->type_name("FORMAT");
  AddParsedOption(app, "--timeout", ParseTimeSpan, globals.timeout,
                  "How long to wait for each answer, and for each of several agents; default 30s")
      ->type_name("TIME");
  const Command commands[] = {TopologyCommand(app, globals), TopCommand(app, globals),
                              ExplainCommand(app, globals),  MigrateCommand(app, globals),
                              EvacuateCommand(app, globals), MigrationsCommand(app, globals),
                              WatchCommand(app, globals),    CancelCommand(app, globals),
                              ReserveCommand(app, globals),  ReleaseCommand(app, globals),
                              PoliciesCommand(app, globals), ConfigurationCommand(app, globals),
                              DoctorCommand(app, globals)};
  app.footer(kExamples);  // after the subcommands, which would inherit it
  if (const auto exit_code = ParseCommandLine(app, argc, argv)) return *exit_code;
  for (const Command& command : commands) {
    if (!command.arguments->parsed()) continue;
    return End(command.run());
  }
  return kExitError;  // not reached: require_subcommand guarantees a parsed one
}

}  // namespace
}  // namespace numalocality::localityctl

// CLI11 throws for options that are declared wrongly, which is a bug of this program.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) { return numalocality::localityctl::Main(argc, argv); }
