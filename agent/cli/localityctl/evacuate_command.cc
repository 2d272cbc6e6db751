// localityctl evacuate
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/base/units.h"
#include "agent/cli/arguments.h"
#include "agent/cli/localityctl/commands.h"
#include "agent/cli/localityctl/confirm.h"
#include "agent/cli/localityctl/evacuation_text.h"
#include "agent/cli/localityctl/follow.h"
#include "agent/cli/localityctl/proto_time.h"

namespace numalocality::localityctl {
namespace {

struct EvacuateOptions {
  NodeId node;
  NodeSet to_nodes;
  int64_t free_bytes = 0;
  std::optional<absl::Duration> keep_clear;
  std::vector<std::string> reservations;
  bool yes = false;
  bool dry_run = false;
  bool wait = false;
};

v1::CreateMigrationRequest ToRequest(const EvacuateOptions& options) {
  v1::CreateMigrationRequest request;
  v1::Evacuation& evacuation = *request.mutable_evacuation();
  evacuation.set_node_id(options.node.value);
  for (const NodeId node : options.to_nodes) evacuation.add_target_node_ids(node.value);
  evacuation.set_free_bytes(options.free_bytes);
  if (options.keep_clear.has_value()) {
    *evacuation.mutable_keep_clear() = ToProto(*options.keep_clear);
  }
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
  // What programs read is the result alone.
  (globals.output == OutputFormat::kTable ? std::cout : std::cerr) << plan_text() << std::flush;
  if (!options.yes) {
    NL_ASSIGN_OR_RETURN(const bool agreed,
                        Confirm(absl::StrCat("Move this off node ", options.node.value, "?")));
    if (!agreed) {
      std::cerr << "Nothing has been moved.\n";
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

Command EvacuateCommand(CLI::App& app, const GlobalOptions& globals) {
  const auto options = std::make_shared<EvacuateOptions>();
  CLI::App* arguments = app.add_subcommand(
      "evacuate", "Free a NUMA node: move every workload's memory off it, after showing the plan");
  AddParsedOption(*arguments, "NODE", ParseNode, options->node, "The node to free")->required();
  AddParsedOption(*arguments, "--to", ParseNodes, options->to_nodes,
                  "Where to, such as 1 or 0,2-3; default: the nearest nodes with CPUs and room")
      ->type_name("NODES");
  AddParsedOption(*arguments, "--free", ParseBytes, options->free_bytes,
                  "Stop when so much is free there, such as 32G; default: move all that moves")
      ->type_name("SIZE");
  AddParsedOption(*arguments, "--keep-clear", ParseTimeSpan, options->keep_clear,
                  "How long the repair loop brings nothing back; default 10m")
      ->type_name("TIME");
  arguments
      ->add_option("--reservation", options->reservations,
                   "Token of a reservation that stands in the way; may be repeated")
      ->type_name("TOKEN")
      ->allow_extra_args(false);
  arguments->add_flag("--yes", options->yes, "Do not ask");
  arguments->add_flag("--dry-run", options->dry_run, "Show the plan; move nothing");
  arguments->add_flag("--wait", options->wait,
                      "Show progress and wait for the end; else print the migration's id");
  return {arguments, [&globals, options] { return Evacuate(globals, *options); }};
}

}  // namespace numalocality::localityctl
