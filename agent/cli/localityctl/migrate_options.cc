#include "agent/cli/localityctl/migrate_options.h"

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/base/units.h"
#include "agent/cli/arguments.h"
#include "agent/cli/localityctl/proto_time.h"

namespace numalocality::localityctl {
namespace {

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
      absl::StrCat("'", text, "' is no way to stick; write none or cpuset-mems"));
}

absl::StatusOr<int64_t> ParseBandwidth(absl::string_view text) {
  const auto bytes = ParseBytes(text);
  if (bytes.ok() && *bytes > 0) return bytes;
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not a bandwidth; write bytes a second, such as 200M or 1G"));
}

void AddWhatAndWhere(CLI::App& arguments, MigrateOptions& options) {
  AddSelectorOptions(arguments, options.selector);
  const auto to = AddParsedOption(arguments, "--to-node", ParseNodes, options.to_nodes,
                                  "Where to, such as 1 or 0,2-3; default: the home nodes of its "
                                  "CPUs")
                      ->type_name("NODES");
  const auto from = AddParsedOption(arguments, "--from-node", ParseNodes, options.from_nodes,
                                    "Only what is on these nodes; default: on all others")
                        ->type_name("NODES");
  AddParsedOption(arguments, "--node-map", ParseNodeMap, options.node_map,
                  "Several nodes at once, such as 0:2,1:3; what lay together stays together")
      ->type_name("OLD:NEW,...")
      ->excludes(to)
      ->excludes(from);
  arguments
      .add_option("--range", options.ranges,
                  "Only these addresses, hexadecimal as in /proc/PID/maps; may be repeated")
      ->type_name("START-END")
      ->allow_extra_args(false);
  arguments
      .add_option("--kinds", options.kinds,
                  "Only these kinds: anon, shmem, file; default: anon,shmem")
      ->type_name("KINDS")
      ->delimiter(',')
      ->allow_extra_args(false);
  AddParsedOption(arguments, "--shared", ParseSharing, options.shared,
                  "Pages that several processes map: never move them (the default); if they are "
                  "owned by the workload alone; all")
      ->type_name("never|owned|all");
}

void AddHow(CLI::App& arguments, MigrateOptions& options) {
  arguments.add_flag("--hold", options.hold, "Hold the processes still while a batch moves");
  AddParsedOption(arguments, "--stick", ParseStick, options.stick,
                  "Keep later memory there, too, by the container's cpuset.mems; default: none")
      ->type_name("none|cpuset-mems");
  arguments.add_flag("--stick-on-old-kernels", options.stick_on_old_kernels,
                     "Stick before Linux 6.7 as well, where it may stall the workload");
  AddParsedOption(arguments, "--bandwidth", ParseBandwidth, options.bytes_per_second,
                  "Move no more in a second, such as 200M; default: no limit")
      ->type_name("SIZE");
  AddParsedOption(arguments, "--max-call-time", ParseTimeSpan, options.max_call_time,
                  "Smaller batches when a kernel call takes longer; default 10ms")
      ->type_name("TIME");
  arguments
      .add_option("--workers", options.workers, "Threads that move at the same time; default 1")
      ->type_name("NUMBER")
      ->check(CLI::PositiveNumber);
  AddParsedOption(arguments, "--min-moved", ParseFraction, options.min_moved,
                  "Fraction of the wanted pages at the target that is success; default 0.9")
      ->type_name("FRACTION");
  AddParsedOption(arguments, "--deadline", ParseTimeSpan, options.deadline,
                  "Stop moving after this long, such as 90s; default: never")
      ->type_name("TIME");
  arguments
      .add_option("--verify-after", options.verify_after,
                  "Look again so long after the last batch, such as 1s,10s; default: at once only")
      ->type_name("TIMES")
      ->delimiter(',')
      ->allow_extra_args(false);
}

}  // namespace

void AddMigrateOptions(CLI::App& arguments, MigrateOptions& options) {
  AddWhatAndWhere(arguments, options);
  AddHow(arguments, options);
  arguments
      .add_option("--request-id", options.request_id,
                  "Makes retries safe: the same id names the same migration")
      ->type_name("ID");
  arguments
      .add_option("--reservation", options.reservations,
                  "Token of a reservation of the workload; may be repeated")
      ->type_name("TOKEN")
      ->allow_extra_args(false);
  arguments.add_flag("--dry-run", options.dry_run, "Say what would move; move nothing");
  arguments.add_flag("--wait", options.wait,
                     "Show progress and wait for the end; else print the migration's id");
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
  v1::MoveLimits limits;
  limits.set_bandwidth_bytes_per_second(options.bytes_per_second);
  limits.set_worker_count(options.workers);
  if (options.max_call_time.has_value()) {
    *limits.mutable_max_call_time() = ToProto(*options.max_call_time);
  }
  if (limits.ByteSizeLong() > 0) *request.mutable_limits() = limits;
  if (options.min_moved.has_value()) request.set_min_moved(*options.min_moved);
  if (options.deadline.has_value()) *request.mutable_deadline() = ToProto(*options.deadline);
  request.set_validate_only(options.dry_run);
  request.set_request_id(options.request_id);
  request.mutable_reservation_tokens()->Assign(options.reservations.begin(),
                                               options.reservations.end());
  return request;
}

}  // namespace numalocality::localityctl
