// localityctl migrate
#include <google/protobuf/util/time_util.h>

#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/cli/arguments.h"
#include "agent/cli/localityctl/commands.h"
#include "agent/cli/localityctl/follow.h"
#include "agent/cli/localityctl/migration_text.h"
#include "agent/cli/localityctl/selector.h"

namespace numalocality {
namespace {

struct MigrateOptions {
  SelectorOptions selector;
  NodeSet to_nodes;
  NodeSet from_nodes;
  std::vector<std::string> ranges;
  std::vector<std::string> kinds;
  std::optional<double> min_moved;
  std::optional<absl::Duration> deadline;
  std::string request_id;
  bool dry_run = false;
  bool wait = false;
};

absl::StatusOr<v1::MemoryKind> ParseKind(absl::string_view text) {
  if (text == "anon") return v1::MEMORY_KIND_ANON;
  if (text == "shmem") return v1::MEMORY_KIND_SHMEM;
  if (text == "file") return v1::MEMORY_KIND_FILE;
  return absl::InvalidArgumentError(
      absl::StrCat("--kinds: '", text, "' is not a kind of memory; write anon, shmem or file"));
}

absl::StatusOr<v1::CreateMigrationRequest> ToRequest(const MigrateOptions& options) {
  v1::CreateMigrationRequest request;
  *request.add_workloads() = ToSelector(options.selector);
  if (request.workloads(0).name_case() == v1::WorkloadSelector::NAME_NOT_SET) {
    return absl::InvalidArgumentError(
        "say whose memory: --pod, --container, --cgroup or --pid; 'localityctl top' shows them");
  }
  for (const NodeId node : options.to_nodes) request.add_target_node_ids(node.value);
  for (const NodeId node : options.from_nodes) request.add_source_node_ids(node.value);
  for (const std::string& text : options.ranges) {
    NL_ASSIGN_OR_RETURN(const AddressRange range, ParseAddressRange(text));
    auto* message = request.add_address_ranges();
    message->set_start(range.start);
    message->set_end(range.end);
  }
  for (const std::string& text : options.kinds) {
    NL_ASSIGN_OR_RETURN(const v1::MemoryKind kind, ParseKind(text));
    request.add_memory_kinds(kind);
  }
  if (options.min_moved.has_value()) request.set_min_moved(*options.min_moved);
  if (options.deadline.has_value()) {
    *request.mutable_deadline() = google::protobuf::util::TimeUtil::NanosecondsToDuration(
        absl::ToInt64Nanoseconds(*options.deadline));
  }
  request.set_validate_only(options.dry_run);
  request.set_request_id(options.request_id);
  return request;
}

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
  AddSelectorOptions(*arguments, options->selector);
  AddParsedOption(*arguments, "--to-node", ParseNodes, options->to_nodes,
                  "Where to, such as 1 or 0,2-3; default: the home nodes of its CPUs")
      ->type_name("NODES");
  AddParsedOption(*arguments, "--from-node", ParseNodes, options->from_nodes,
                  "Only what is on these nodes; default: on all others")
      ->type_name("NODES");
  arguments
      ->add_option("--range", options->ranges,
                   "Only these addresses, hexadecimal as in /proc/PID/maps; may be repeated")
      ->type_name("START-END")
      ->allow_extra_args(false);
  arguments
      ->add_option("--kinds", options->kinds,
                   "Only these kinds: anon, shmem, file; default: "
                   "anon,shmem")
      ->type_name("KINDS")
      ->delimiter(',')
      ->allow_extra_args(false);
  AddParsedOption(*arguments, "--min-moved", ParseFraction, options->min_moved,
                  "Fraction of the wanted pages at the target that is success; default 0.9")
      ->type_name("FRACTION");
  AddParsedOption(*arguments, "--deadline", ParseTimeSpan, options->deadline,
                  "Stop moving after this long, such as 90s; default: never")
      ->type_name("TIME");
  arguments
      ->add_option("--request-id", options->request_id,
                   "Makes retries safe: the same id names the same migration")
      ->type_name("ID");
  arguments->add_flag("--dry-run", options->dry_run, "Say what would move; move nothing");
  arguments->add_flag("--wait", options->wait,
                      "Show progress and wait for the end; else print the migration's id");
  return {arguments, [&globals, options] { return Migrate(globals, *options); }};
}

}  // namespace numalocality
