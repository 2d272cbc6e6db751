#include "agent/cli/numa_migrate/options.h"

#include <string>

#include "absl/status/status.h"
#include "agent/base/version.h"
#include "agent/cli/arguments.h"

namespace numalocality {
namespace {

constexpr char kExamples[] = R"(
Moves anonymous and shared memory; page cache, hugetlb pages, and pages that several processes map
stay where they are. Querying and moving works without privilege on processes of
one's own user; it takes CAP_SYS_PTRACE on others.

Examples:
  numa-migrate --pid 4321 --check                            where are its pages?
  numa-migrate --pid 4321 --to-node 1 --verify               move all of them to node 1
  numa-migrate --pid 4321 --to-node 1 --range 512M           only 512 MiB, largest mappings first
  numa-migrate --pid 4321 --to-node 1 --from-node 2,3        only what is on nodes 2 and 3
  numa-migrate --pid 4321 --to-node 1 --dry-run              what would move?

Exit codes: 0 success; 1 invalid arguments or no such process; 2 permission denied; 3 less than
--min-moved of the wanted pages are on the target; 130 interrupted, after the partial result.
)";

}  // namespace

std::optional<ExitCode> ParseOptions(int argc, const char* const* argv, Options& options) {
  CLI::App app("Shows where a process's memory is, and moves it between NUMA nodes.",
               "numa-migrate");
  app.footer(kExamples);
  app.set_version_flag("--version", kVersion);
  AddParsedOption(app, "--pid", ParsePid, options.pid, "The process")->required()->type_name("PID");
  auto* check =
      app.add_flag("--check", options.check, "Only print the share of pages on each node");
  auto* to_node =
      AddParsedOption(app, "--to-node", ParseNode, options.to_node, "Node to move the memory to")
          ->type_name("NODE")
          ->excludes(check);
  AddParsedOption(app, "--from-node", ParseNodes, options.from_nodes,
                  "Move only what is on these nodes, such as 0,2-3; default: all others")
      ->type_name("NODES")
      ->needs(to_node);
  AddParsedOption(app, "--range", ParseMemoryPart, options.part,
                  "Move only part of the memory: SIZE, so much of what is resident, largest "
                  "mappings first; START-END, hexadecimal addresses; all, the default")
      ->type_name("RANGE")
      ->needs(to_node);
  app.add_flag("--verify", options.verify, "Print how much is on the target at the end")
      ->needs(to_node);
  AddParsedOption(app, "--min-moved", ParseFraction, options.min_moved,
                  "Fraction of the wanted pages on the target that counts as success; default 0.9")
      ->type_name("FRACTION")
      ->needs(to_node);
  app.add_flag("--dry-run", options.dry_run, "Print what would move; move nothing")->needs(to_node);
  app.add_flag("--json", options.json, "Print JSON");
  if (const auto exit_code = ParseCommandLine(app, argc, argv)) return exit_code;
  if (!options.check && to_node->empty()) {
    return Fail(absl::InvalidArgumentError(
        "say what to do: --check to look, or --to-node N to move; see numa-migrate --help"));
  }
  return std::nullopt;
}

}  // namespace numalocality
