#include "agent/cli/localityctl/evacuate_command.h"

#include <unistd.h>

#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/base/units.h"
#include "agent/cli/arguments.h"
#include "agent/cli/localityctl/agent_client.h"
#include "agent/cli/localityctl/commands.h"
#include "agent/cli/localityctl/follow.h"
#include "agent/cli/localityctl/words.h"
#include "agent/cli/table.h"

namespace numalocality::localityctl {
namespace {

struct EvacuateOptions {
  NodeId node;
  NodeSet to_nodes;
  int64_t free_bytes = 0;
  std::optional<absl::Duration> keep_clear;
  std::vector<std::string> reservations;
  bool override_protection = false;
  bool yes = false;
  bool dry_run = false;
  bool wait = false;
};

// Asks on standard error and reads the answer from standard input. INVALID_ARGUMENT, with the
// advice to give --yes, if standard input is not a terminal.
absl::StatusOr<bool> Confirm(const std::string& question) {
  if (isatty(STDIN_FILENO) != 1) {
    return absl::InvalidArgumentError(
        "standard input is not a terminal, so nobody can confirm the plan; add --yes to move "
        "without confirmation");
  }
  std::cerr << question << " [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return IsYes(answer);
}

v1::CreateMigrationRequest ToRequest(const EvacuateOptions& options) {
  v1::CreateMigrationRequest request;
  v1::Evacuation& evacuation = *request.mutable_evacuation();
  evacuation.set_node_id(options.node.value);
  for (const NodeId node : options.to_nodes) evacuation.add_target_node_ids(node.value);
  if (options.free_bytes > 0) evacuation.set_free_bytes(options.free_bytes);
  if (options.keep_clear.has_value()) {
    *evacuation.mutable_keep_clear() = ToProto(*options.keep_clear);
  }
  request.set_override_protection(options.override_protection);
  request.mutable_reservation_tokens()->Assign(options.reservations.begin(),
                                               options.reservations.end());
  return request;
}

absl::StatusOr<ExitCode> Evacuate(const GlobalOptions& globals, const EvacuateOptions& options) {
  v1::CreateMigrationRequest request = ToRequest(options);
  NL_ASSIGN_OR_RETURN(AgentClient client, Connect(globals));
  request.set_validate_only(true);
  NL_ASSIGN_OR_RETURN(const auto planned, client.CreateMigration(request));
  const v1::Migration& plan = planned.migration();
  const auto plan_text = [&] { return EvacuationPlanText(plan, options.node.value); };
  if (options.dry_run) {
    std::cout << Render(plan, globals.output, plan_text);
    return kExitSuccess;
  }
  // Programs read only the result from standard output.
  (globals.output == OutputFormat::kTable ? std::cout : std::cerr) << plan_text() << std::flush;
  if (!options.yes) {
    NL_ASSIGN_OR_RETURN(const bool agreed, Confirm(absl::StrCat("Move this memory off node ",
                                                                options.node.value, "?")));
    if (!agreed) {
      std::cerr << "Nothing was moved.\n";
      return kExitNotMigrated;
    }
  }
  request.set_validate_only(false);
  NL_ASSIGN_OR_RETURN(const v1::Migration migration, Submit(client, request));
  if (options.wait) return Follow(client, migration.id(), globals.output);
  std::cout << Render(migration, globals.output, [&] { return migration.id() + "\n"; });
  return kExitSuccess;
}

}  // namespace

std::string EvacuationPlanText(const v1::Migration& plan, int node) {
  if (plan.workloads().empty()) {
    return absl::StrCat("No workload has memory on node ", node, " that can be moved.\n");
  }
  Table table({{"WORKLOAD"}, {"MOVES", Table::Align::kRight}, {"TO"}, {"REASON"}});
  int64_t bytes = 0;
  int moving = 0;
  for (const v1::WorkloadMigration& workload : plan.workloads()) {
    const int64_t planned = workload.planned_page_count() * plan.page_bytes();
    bytes += planned;
    moving += planned > 0;
    const std::string reason = ReasonWord(workload.reason());
    const absl::string_view colon = reason.empty() || workload.message().empty() ? "" : ": ";
    table.AddRow({WorkloadWords(workload.workload()), FormatBytes(planned),
                  IdList(workload.target_node_ids()),
                  absl::StrCat(reason, colon, Printable(workload.message()))});
  }
  return absl::StrCat("To free node ", node, ", in this order:\n", table.ToString(2), "  ",
                      FormatBytes(bytes), " of ", moving, moving == 1 ? " workload" : " workloads",
                      " in all.\n");
}

bool IsYes(absl::string_view answer) {
  const std::string word = absl::AsciiStrToLower(absl::StripAsciiWhitespace(answer));
  return word == "y" || word == "yes";
}

Command EvacuateCommand(CLI::App& app, const GlobalOptions& globals) {
  const auto options = std::make_shared<EvacuateOptions>();
  CLI::App* arguments = app.add_subcommand(
      "evacuate", "Free a NUMA node: show the plan, ask, and move the memory off it");
  AddParsedOption(*arguments, "NODE", ParseNode, options->node, "The node to free")->required();
  AddParsedOption(
      *arguments, "--to", ParseNodes, options->to_nodes,
      "Move the memory to these nodes, such as 1 or 0,2-3; default: the nearest nodes with "
      "CPUs and room")
      ->type_name("NODES");
  AddParsedOption(
      *arguments, "--free", ParseBytes, options->free_bytes,
      "Stop when this much memory is free on NODE, such as 32G; default: move all that can be "
      "moved")
      ->type_name("SIZE");
  AddParsedOption(*arguments, "--keep-clear", ParseTimeSpan, options->keep_clear,
                  "How long the repair loop moves nothing to NODE afterwards; default 10m")
      ->type_name("TIME");
  arguments
      ->add_option(
          "--reservation", options->reservations,
          "Token of a reservation of a workload on NODE, which may then move; may be repeated")
      ->type_name("TOKEN")
      ->allow_extra_args(false);
  arguments->add_flag("--override-protection", options->override_protection,
                      "Also move pods in protected namespaces and pods with the annotation "
                      "numa-locality.io/policy: \"off\"; the agent logs who asked for it");
  arguments->add_flag("--yes", options->yes, "Do not ask for confirmation");
  arguments->add_flag("--dry-run", options->dry_run, "Print the plan; move nothing");
  arguments->add_flag("--wait", options->wait,
                      "Show progress, wait for the end and print the result; without it, print the "
                      "migration's id and exit");
  return {arguments, [&globals, options] { return Evacuate(globals, *options); }};
}

}  // namespace numalocality::localityctl
