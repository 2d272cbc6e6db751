#include "agent/rpc/convert/migration_request.h"

#include <google/protobuf/duration.pb.h>

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/model/error_details.h"
#include "agent/rpc/convert/common.h"

namespace numalocality {
namespace {

constexpr size_t kMaxRequestIdLength = 36;  // a UUID's; AIP-155
// A migration that waits for its next verification occupies one of the few workers.
constexpr size_t kMaxVerifications = 10;
constexpr absl::Duration kLastVerification = absl::Minutes(10);

absl::StatusOr<absl::Duration> TimeSpan(absl::string_view field,
                                        const google::protobuf::Duration& message) {
  const absl::Duration span = FromProto(message);
  if (span <= absl::ZeroDuration()) return InvalidField(field, "must be longer than 0");
  return span;
}

absl::StatusOr<NodeMap> NodeMapFrom(const v1::CreateMigrationRequest& message) {
  NodeMap map;
  for (const v1::NodeMapping& mapping : message.node_map()) {
    if (!mapping.has_source_node_id() || !mapping.has_target_node_id()) {
      return InvalidField("node_map", "an entry lacks source_node_id or target_node_id");
    }
    const NodeId source{mapping.source_node_id()};
    if (!map.emplace(source, NodeId{mapping.target_node_id()}).second) {
      return InvalidField("node_map", absl::StrCat("node ", source.value, " is a source twice"));
    }
  }
  if (!map.empty() && (!message.target_node_ids().empty() || !message.source_node_ids().empty())) {
    return InvalidField(
        "node_map", "cannot be combined with target_node_ids and source_node_ids; leave them out");
  }
  return map;
}

absl::StatusOr<KindSet> KindsFrom(const google::protobuf::RepeatedField<int>& field) {
  if (field.empty()) return kPrivateKinds;
  KindSet kinds;
  for (const int kind : field) {
    const auto known = FromApi<MemoryKind>(static_cast<v1::MemoryKind>(kind));
    if (!known.has_value())
      return InvalidField("memory_kinds", absl::StrCat(kind, " is not a memory kind"));
    kinds.Insert(*known);
  }
  return kinds;
}

// Sets `model`, which has the default, unless `value` is UNSPECIFIED.
template <typename E, typename Api>
absl::Status EnumFieldFrom(absl::string_view field, Api value, absl::string_view type, E& model) {
  if (value == Api{}) return absl::OkStatus();
  const std::optional<E> known = FromApi<E>(value);
  if (!known.has_value()) return InvalidField(field, absl::StrCat(value, " is not a ", type));
  model = *known;
  return absl::OkStatus();
}

absl::Status CheckMode(v1::MigrationMode mode) {
  switch (mode) {
    case v1::MIGRATION_MODE_UNSPECIFIED:
    case v1::MIGRATION_MODE_EAGER: return absl::OkStatus();
    case v1::MIGRATION_MODE_LAZY:
      return absl::UnimplementedError("mode: LAZY is not implemented; use EAGER");
    default: return InvalidField("mode", absl::StrCat(mode, " is not a migration mode"));
  }
}

absl::StatusOr<MoveLimits> LimitsFrom(const v1::MoveLimits& message) {
  MoveLimits limits;
  limits.bytes_per_second = message.bandwidth_bytes_per_second();
  if (message.has_max_call_time()) {
    NL_ASSIGN_OR_RETURN(limits.longest_call,
                        TimeSpan("limits.max_call_time", message.max_call_time()));
  }
  if (message.batch_page_count() != 0) limits.batch_pages = message.batch_page_count();
  if (message.has_retry_count()) limits.retries = message.retry_count();
  if (message.worker_count() != 0) limits.workers = message.worker_count();
  return limits;
}

absl::StatusOr<std::vector<absl::Duration>> VerificationsFrom(
    const google::protobuf::RepeatedPtrField<google::protobuf::Duration>& field) {
  constexpr char kName[] = "verify_after";
  std::vector<absl::Duration> times;
  for (const google::protobuf::Duration& message : field) {
    NL_ASSIGN_OR_RETURN(const absl::Duration time, TimeSpan(kName, message));
    if (!times.empty() && time <= times.back())
      return InvalidField(kName, "must be in ascending order");
    times.push_back(time);
  }
  if (times.size() > kMaxVerifications || (!times.empty() && times.back() > kLastVerification)) {
    return InvalidField(kName, absl::StrCat("takes at most ", kMaxVerifications, " times of up to ",
                                            absl::FormatDuration(kLastVerification)));
  }
  return times;
}

absl::StatusOr<MigrationSpec> SpecFrom(const v1::CreateMigrationRequest& message) {
  MigrationSpec spec;
  spec.target_nodes = NodesFrom(message.target_node_ids());
  spec.source_nodes = NodesFrom(message.source_node_ids());
  NL_ASSIGN_OR_RETURN(spec.node_map, NodeMapFrom(message));
  if (!message.address_ranges().empty()) spec.ranges.clear();
  for (const v1::AddressRange& range : message.address_ranges()) {
    spec.ranges.push_back({range.start(), range.end()});
  }
  NL_ASSIGN_OR_RETURN(spec.kinds, KindsFrom(message.memory_kinds()));
  NL_RETURN_IF_ERROR(
      EnumFieldFrom("shared_pages", message.shared_pages(), "sharing rule", spec.sharing));
  NL_RETURN_IF_ERROR(EnumFieldFrom("hold", message.hold(), "hold mode", spec.hold));
  NL_ASSIGN_OR_RETURN(spec.limits, LimitsFrom(message.limits()));
  if (message.has_min_moved()) spec.min_moved = message.min_moved();
  if (message.has_timeout()) {
    NL_ASSIGN_OR_RETURN(spec.deadline, TimeSpan("timeout", message.timeout()));
  }
  NL_ASSIGN_OR_RETURN(spec.verify_after, VerificationsFrom(message.verify_after()));
  return spec;
}

absl::StatusOr<Evacuation> EvacuationFrom(const v1::Evacuation& message) {
  Evacuation evacuation;
  if (!message.has_node_id())
    return InvalidField("evacuation.node_id", "is missing; name the node to free");
  evacuation.node = NodeId{message.node_id()};
  evacuation.target_nodes = NodesFrom(message.target_node_ids());
  if (message.has_free_bytes() && message.free_bytes() <= 0) {
    return InvalidField("evacuation.free_bytes", "must be more than 0; leave it out to free all");
  }
  evacuation.free_bytes = message.free_bytes();
  if (message.has_keep_clear()) {
    evacuation.keep_clear = FromProto(message.keep_clear());
    if (evacuation.keep_clear < absl::ZeroDuration()) {
      return InvalidField("evacuation.keep_clear", "must not be negative");
    }
  }
  return evacuation;
}

void KindsToProto(const KindSet& kinds, v1::CreateMigrationRequest& message) {
  if (kinds == kPrivateKinds) return;
  for (const MemoryKind kind : AllValues<MemoryKind>()) {
    if (kinds.Contains(kind)) message.add_memory_kinds(ToApi<v1::MemoryKind>(kind));
  }
}

void LimitsToProto(const MoveLimits& limits, v1::MoveLimits& message) {
  const MoveLimits defaults;
  message.set_bandwidth_bytes_per_second(limits.bytes_per_second);
  if (limits.longest_call != defaults.longest_call) {
    *message.mutable_max_call_time() = ToProto(limits.longest_call);
  }
  message.set_batch_page_count(limits.batch_pages.value_or(0));
  if (limits.retries != defaults.retries) message.set_retry_count(limits.retries);
  if (limits.workers != defaults.workers) message.set_worker_count(limits.workers);
}

void SpecToProto(const MigrationSpec& spec, v1::CreateMigrationRequest& message) {
  const MigrationSpec defaults;
  ToField(spec.target_nodes, message.mutable_target_node_ids());
  ToField(spec.source_nodes, message.mutable_source_node_ids());
  for (const auto& [source, target] : spec.node_map) {
    v1::NodeMapping* const mapping = message.add_node_map();
    mapping->set_source_node_id(source.value);
    mapping->set_target_node_id(target.value);
  }
  if (spec.ranges != defaults.ranges) {
    for (const AddressRange& range : spec.ranges) {
      v1::AddressRange* const each = message.add_address_ranges();
      each->set_start(range.start);
      each->set_end(range.end);
    }
  }
  KindsToProto(spec.kinds, message);
  if (spec.sharing != defaults.sharing) {
    message.set_shared_pages(ToApi<v1::SharingRule>(spec.sharing));
  }
  if (spec.hold != defaults.hold) message.set_hold(ToApi<v1::HoldMode>(spec.hold));
  if (spec.limits != defaults.limits) LimitsToProto(spec.limits, *message.mutable_limits());
  if (spec.min_moved != defaults.min_moved) message.set_min_moved(spec.min_moved);
  if (spec.deadline != defaults.deadline) *message.mutable_timeout() = ToProto(spec.deadline);
  for (const absl::Duration time : spec.verify_after) {
    *message.add_verify_after() = ToProto(time);
  }
}

void EvacuationToProto(const Evacuation& evacuation, v1::Evacuation& message) {
  message.set_node_id(evacuation.node.value);
  ToField(evacuation.target_nodes, message.mutable_target_node_ids());
  if (evacuation.free_bytes > 0) message.set_free_bytes(evacuation.free_bytes);
  if (evacuation.keep_clear != Evacuation().keep_clear) {
    *message.mutable_keep_clear() = ToProto(evacuation.keep_clear);
  }
}

}  // namespace

absl::StatusOr<MigrationFilter> FromProto(const v1::MigrationFilter& message) {
  MigrationFilter filter;
  filter.workloads = FromProto(message.workloads());
  for (const int state : message.states()) {
    const auto known = FromApi<MigrationState>(static_cast<v1::MigrationState>(state));
    if (!known.has_value()) {
      return InvalidField("filter", absl::StrCat(state, " is not a migration state"));
    }
    filter.states.push_back(*known);
  }
  if (message.has_since()) filter.since = FromProto(message.since());
  return filter;
}

absl::StatusOr<std::string> RequestIdFrom(const std::string& field) {
  if (field.size() <= kMaxRequestIdLength) return field;
  return InvalidField("request_id",
                      absl::StrCat("longer than ", kMaxRequestIdLength, " characters"));
}

absl::StatusOr<MigrationRequest> FromProto(const v1::CreateMigrationRequest& message) {
  MigrationRequest request;
  for (const v1::WorkloadSelector& workload : message.workloads()) {
    NL_ASSIGN_OR_RETURN(WorkloadSelector selector, FromProto(workload));
    request.workloads.push_back(std::move(selector));
  }
  NL_RETURN_IF_ERROR(CheckMode(message.mode()));
  NL_ASSIGN_OR_RETURN(request.spec, SpecFrom(message));
  NL_RETURN_IF_ERROR(EnumFieldFrom("stick", message.stick(), "stick mode", request.stick));
  request.stick_on_old_kernels = message.stick_on_old_kernels();
  request.force_stick = message.force_stick();
  NL_ASSIGN_OR_RETURN(request.request_id, RequestIdFrom(message.request_id()));
  if (message.has_evacuation()) {
    NL_ASSIGN_OR_RETURN(request.evacuation, EvacuationFrom(message.evacuation()));
  }
  request.override_protection = message.override_protection();
  request.reservation_tokens.assign(message.reservation_tokens().begin(),
                                    message.reservation_tokens().end());
  return request;
}

void ToProto(const MigrationRequest& request, v1::CreateMigrationRequest& message) {
  for (const WorkloadSelector& selector : request.workloads) {
    v1::WorkloadSelector* const workload = message.add_workloads();
    ToProto(selector, *workload);
    // The path that the repair loop read from the kernel may be no UTF-8, which a message must be.
    const bool is_read = request.origin == MigrationOrigin::kPolicy;
    if (is_read && selector.cgroup_path.has_value()) {
      workload->set_cgroup_path(Printable(*selector.cgroup_path));
    }
  }
  SpecToProto(request.spec, message);
  if (request.stick != MigrationRequest().stick) {
    message.set_stick(ToApi<v1::StickMode>(request.stick));
  }
  message.set_stick_on_old_kernels(request.stick_on_old_kernels);
  message.set_force_stick(request.force_stick);
  message.set_request_id(request.request_id);
  message.set_override_protection(request.override_protection);
  if (request.evacuation.has_value()) {
    EvacuationToProto(*request.evacuation, *message.mutable_evacuation());
  }
}

}  // namespace numalocality
