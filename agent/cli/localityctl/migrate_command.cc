// localityctl migrate: its options, the request they make, and the call.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "agent/base/status.h"
#include "agent/base/units.h"
#include "agent/cli/arguments.h"
#include "agent/cli/localityctl/agent_client.h"
#include "agent/cli/localityctl/all_agents.h"
#include "agent/cli/localityctl/commands.h"
#include "agent/cli/localityctl/follow.h"
#include "agent/cli/localityctl/migration_text.h"
#include "agent/cli/localityctl/selector.h"
#include "agent/model/id_set.h"
#include "agent/model/node_map.h"
#include "numalocality/v1/migration.pb.h"

namespace numalocality::localityctl {
namespace {

// What the command line gives. The agent has the defaults for the rest.
struct MigrateOptions {
  SelectorOptions selector;
  NodeSet to_nodes;
  NodeSet from_nodes;
  NodeMap node_map;
  std::vector<std::string> ranges;
  std::vector<std::string> kinds;
  v1::SharingRule shared = v1::SHARING_RULE_UNSPECIFIED;
  bool hold = false;
  v1::StickMode stick = v1::STICK_MODE_UNSPECIFIED;
  bool stick_on_old_kernels = false;
  bool override_protection = false;
  bool force_stick = false;
  int64_t bytes_per_second = 0;
  std::optional<absl::Duration> max_call_time;
  int workers = 0;
  std::optional<double> min_moved;
  std::optional<absl::Duration> deadline;
  std::vector<std::string> verify_after;
  std::string request_id;
  std::vector<std::string> reservations;
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

absl::StatusOr<v1::SharingRule> ParseSharing(absl::string_view text) {
  if (text == "never") return v1::SHARING_RULE_NEVER;
  if (text == "owned") return v1::SHARING_RULE_OWNED;
  if (text == "all") return v1::SHARING_RULE_ALL;
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not a sharing rule; write never, owned or all"));
}

absl::StatusOr<v1::StickMode> ParseStick(absl::string_view text) {
  if (text == "none") return v1::STICK_MODE_NONE;
  if (text == "cpuset-mems") return v1::STICK_MODE_CPUSET_MEMS;
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not a way to stick; write none or cpuset-mems"));
}

absl::StatusOr<int64_t> ParseBandwidth(absl::string_view text) {
  const auto bytes = ParseBytes(absl::StripSuffix(text, "/s"));
  if (bytes.ok() && *bytes > 0) return bytes;
  return absl::InvalidArgumentError(absl::StrCat(
      "'", text, "' is not a bandwidth; write bytes per second above 0, such as 200M or 200M/s"));
}

absl::StatusOr<int> ParseWorkers(absl::string_view text) {
  int workers = 0;
  if (absl::SimpleAtoi(text, &workers) && workers > 0) return workers;
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not a number of workers; write a whole number above 0"));
}

void AddWhatAndWhere(CLI::App& arguments, MigrateOptions& options) {
  AddSelectorOptions(arguments, options.selector);
  const auto to =
      AddParsedOption(arguments, "--to-node", ParseNodes, options.to_nodes,
                      "Move the memory to these nodes, such as 1 or 0,2-3; default: the "
                      "home nodes of the workload's CPUs")
          ->type_name("NODES");
  const auto from = AddParsedOption(arguments, "--from-node", ParseNodes, options.from_nodes,
                                    "Move only what is on these nodes; default: all other nodes")
                        ->type_name("NODES");
  AddParsedOption(arguments, "--node-map", ParseNodeMap, options.node_map,
                  "Move the memory of each OLD node to its NEW node, all at once, such as 0:2,1:3")
      ->type_name("OLD:NEW,...")
      ->excludes(to)
      ->excludes(from);
  arguments
      .add_option("--range", options.ranges,
                  "Move only these addresses, hexadecimal as in /proc/PID/maps; may be repeated")
      ->type_name("START-END")
      ->allow_extra_args(false);
  arguments
      .add_option("--kinds", options.kinds,
                  "Move only these kinds of memory: anon, shmem, file; default: anon,shmem")
      ->type_name("KINDS")
      ->delimiter(',')
      ->allow_extra_args(false);
  AddParsedOption(
      arguments, "--shared", ParseSharing, options.shared,
      "Pages that several processes map: never leaves them where they are (the default); "
      "owned moves them if only this workload maps them; all moves them in any case")
      ->type_name("never|owned|all");
}

void AddHow(CLI::App& arguments, MigrateOptions& options) {
  arguments.add_flag("--hold", options.hold,
                     "Hold the processes still by ptrace while a batch moves");
  AddParsedOption(
      arguments, "--stick", ParseStick, options.stick,
      "cpuset-mems sets the container's cpuset.mems to the target nodes, so that memory "
      "allocated later is there, too; default: none")
      ->type_name("none|cpuset-mems");
  arguments.add_flag("--stick-on-old-kernels", options.stick_on_old_kernels,
                     "Allow --stick before Linux 6.7, where it may stall the workload");
  arguments
      .add_flag("--force", options.force_stick,
                "With --stick: accept that the kernel then moves mapped files and hugetlb pages by "
                "itself, into the reserve of the target and out of its hugetlb pool; --dry-run "
                "shows how much")
      ->needs("--stick");
  AddParsedOption(arguments, "--bandwidth", ParseBandwidth, options.bytes_per_second,
                  "Move no more than this per second, such as 200M/s; default: no limit")
      ->type_name("BYTES/s");
  AddParsedOption(
      arguments, "--max-call-time", ParseTimeSpan, options.max_call_time,
      "Choose batches so that moving the pages of one kernel call takes at most this time; "
      "default 10ms")
      ->type_name("TIME");
  AddParsedOption(arguments, "--workers", ParseWorkers, options.workers,
                  "Number of threads that move pages in parallel; default 1")
      ->type_name("N");
  AddParsedOption(arguments, "--min-moved", ParseFraction, options.min_moved,
                  "Fraction of the wanted pages on target that counts as success; default 0.9")
      ->type_name("FRACTION");
  AddParsedOption(arguments, "--deadline", ParseTimeSpan, options.deadline,
                  "Stop moving after this long, such as 90s; default: 1h")
      ->type_name("TIME");
  arguments
      .add_option(
          "--verify-after", options.verify_after,
          "Verify this long after the last batch, such as 1s,10s; default: once, right after it")
      ->type_name("TIMES")
      ->delimiter(',')
      ->allow_extra_args(false);
}

void AddMigrateOptions(CLI::App& arguments, MigrateOptions& options) {
  AddWhatAndWhere(arguments, options);
  AddHow(arguments, options);
  arguments
      .add_option("--request-id", options.request_id,
                  "Id of this request, which makes retries safe: a repeated request with the same "
                  "id returns the migration of the first request")
      ->type_name("ID");
  arguments
      .add_option("--reservation", options.reservations,
                  "Token of a reservation of the workload, from 'reserve'; may be repeated")
      ->type_name("TOKEN")
      ->allow_extra_args(false);
  arguments.add_flag("--override-protection", options.override_protection,
                     "Move it even if its namespace is protected, or its pod's annotation "
                     "numa-locality.io/policy is \"off\"; the agent logs who asked for it");
  arguments.add_flag("--dry-run", options.dry_run, "Print what would move; move nothing");
  arguments.add_flag("--wait", options.wait,
                     "Show progress, wait for the end and print the result; without it, print the "
                     "migration's id and exit");
}

absl::StatusOr<v1::CreateMigrationRequest> ToRequest(const MigrateOptions& options) {
  v1::CreateMigrationRequest request;
  *request.add_workloads() = ToSelector(options.selector);
  if (request.workloads(0).name_case() == v1::WorkloadSelector::NAME_NOT_SET) {
    return absl::InvalidArgumentError(
        "name a workload with --pod, --container, --cgroup or --pid; 'localityctl top' lists them");
  }
  for (const NodeId node : options.to_nodes) request.add_target_node_ids(node.value);
  for (const NodeId node : options.from_nodes) request.add_source_node_ids(node.value);
  for (const auto& [source, target] : options.node_map) {
    v1::NodeMapping* mapping = request.add_node_map();
    mapping->set_source_node_id(source.value);
    mapping->set_target_node_id(target.value);
  }
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
  for (const std::string& text : options.verify_after) {
    const auto time = ParseTimeSpan(text);
    if (!time.ok()) return WithContext(time.status(), "--verify-after");
    *request.add_verify_after() = ToProto(*time);
  }
  request.set_shared_pages(options.shared);
  if (options.hold) request.set_hold(v1::HOLD_MODE_PTRACE);
  request.set_stick(options.stick);
  request.set_stick_on_old_kernels(options.stick_on_old_kernels);
  request.set_force_stick(options.force_stick);
  v1::MoveLimits limits;
  limits.set_bandwidth_bytes_per_second(options.bytes_per_second);
  limits.set_worker_count(options.workers);
  if (options.max_call_time.has_value()) {
    *limits.mutable_max_call_time() = ToProto(*options.max_call_time);
  }
  if (limits.ByteSizeLong() > 0) *request.mutable_limits() = limits;
  if (options.min_moved.has_value()) request.set_min_moved(*options.min_moved);
  if (options.deadline.has_value()) *request.mutable_timeout() = ToProto(*options.deadline);
  request.set_override_protection(options.override_protection);
  request.set_validate_only(options.dry_run);
  request.set_request_id(options.request_id);
  request.mutable_reservation_tokens()->Assign(options.reservations.begin(),
                                               options.reservations.end());
  return request;
}

// The agent of the machine that runs the workload. A pod's name or UID and a container's id name
// the same workload on all machines.
absl::StatusOr<AgentClient> ConnectToMachineOf(const GlobalOptions& globals,
                                               const v1::WorkloadSelector& workload) {
  if (workload.has_pid() || workload.has_cgroup_path()) {
    return absl::InvalidArgumentError(
        "--pid and --cgroup may name something on every machine: name one agent with --endpoint "
        "instead of --all, or name the workload with --pod or --container");
  }
  v1::GetPlacementRequest request;
  *request.mutable_workload() = workload;
  NL_ASSIGN_OR_RETURN(const AllAgents agents, AllAgents::Find(globals));
  auto answers = agents.Ask<v1::GetPlacementResponse>(
      [&request](AgentClient& agent) { return agent.GetPlacement(request); });
  NL_RETURN_IF_ERROR(KeepFound(answers));
  const auto found = std::partition(answers.begin(), answers.end(),
                                    [](const auto& answer) { return answer.response.ok(); });
  if (found == answers.begin()) return answers.front().response.status();
  if (found - answers.begin() == 1) return agents.Open(answers.front().endpoint);
  return absl::FailedPreconditionError(
      absl::StrCat("the agents of ", answers[0].node, " and ", answers[1].node,
                   " both have such a workload: name one agent with --endpoint instead of --all"));
}

absl::StatusOr<ExitCode> Migrate(const GlobalOptions& globals, const MigrateOptions& options) {
  NL_ASSIGN_OR_RETURN(const v1::CreateMigrationRequest request, ToRequest(options));
  NL_ASSIGN_OR_RETURN(AgentClient client, globals.calls_many()
                                              ? ConnectToMachineOf(globals, request.workloads(0))
                                              : Connect(globals));
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
      "migrate", "Move a workload's memory to its home nodes, or to other nodes");
  AddMigrateOptions(*arguments, *options);
  return {arguments, [&globals, options] { return Migrate(globals, *options); }};
}

}  // namespace numalocality::localityctl
