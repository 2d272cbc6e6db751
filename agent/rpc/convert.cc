#include "agent/rpc/convert.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/base/log.h"
#include "agent/base/status.h"

namespace numalocality {
namespace {

using google::protobuf::util::TimeUtil;

constexpr size_t kMaxRequestIdLength = 36;  // a UUID's; AIP-155

// `text` as protobuf's strings must be: bytes that a container chose may not be UTF-8.
std::string Printable(absl::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isprint(static_cast<unsigned char>(c));
  });
  return plain ? std::string(text) : LogSafe(text);
}

template <typename Id, typename Field>
void ToField(const IdSet<Id>& ids, Field* field) {
  for (const Id id : ids) field->Add(id.value);
}

template <typename Field>
NodeSet NodesFrom(const Field& field) {
  NodeSet nodes;
  for (const int id : field) nodes.Insert(NodeId{id});
  return nodes;
}

google::protobuf::Timestamp ToProto(absl::Time time) {
  return TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(time));
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  return TimeUtil::NanosecondsToDuration(absl::ToInt64Nanoseconds(duration));
}

pb::QosClass ToProto(QosClass qos) {
  switch (qos) {
    case QosClass::kGuaranteed: return pb::QOS_CLASS_GUARANTEED;
    case QosClass::kBurstable: return pb::QOS_CLASS_BURSTABLE;
    case QosClass::kBestEffort: return pb::QOS_CLASS_BEST_EFFORT;
  }
  return pb::QOS_CLASS_UNSPECIFIED;
}

template <typename Field>
void ToField(const MemoryByNode& memory, Field* field) {
  for (const auto& [node, bytes] : memory.nodes) {
    pb::NodeUsage* usage = field->Add();
    usage->set_node_id(node.value);
    usage->set_anon_bytes(bytes[MemoryKind::kAnon]);
    usage->set_shmem_bytes(bytes[MemoryKind::kShmem]);
    usage->set_file_bytes(bytes[MemoryKind::kFile]);
    usage->set_hugetlb_bytes(bytes[MemoryKind::kHugetlb]);
  }
}

// The API's enums are the model's in the same order, behind an UNSPECIFIED.
pb::MigrationState ToProto(MigrationState state) {
  static_assert(static_cast<int>(MigrationState::kCancelled) + 1 == pb::MIGRATION_STATE_CANCELLED);
  return static_cast<pb::MigrationState>(static_cast<int>(state) + 1);
}

pb::MigrationReason ToProto(MigrationReason reason) {
  static_assert(static_cast<int>(MigrationReason::kInternal) == pb::MIGRATION_REASON_INTERNAL);
  return static_cast<pb::MigrationReason>(reason);
}

pb::PageOutcome ToProto(PageOutcome outcome) {
  static_assert(static_cast<int>(PageOutcome::kNotAttempted) + 1 == pb::PAGE_OUTCOME_NOT_ATTEMPTED);
  return static_cast<pb::PageOutcome>(static_cast<int>(outcome) + 1);
}

void ToProto(const WorkloadMigration& result, pb::WorkloadMigration& message) {
  ToProto(result.workload, *message.mutable_workload());
  message.set_state(ToProto(result.state));
  message.set_reason(ToProto(result.reason));
  message.set_message(Printable(result.message));
  ToField(result.target_nodes, message.mutable_target_node_ids());
  message.set_planned_page_count(result.pages_planned);
  for (int i = 0; i < kPageOutcomeCount; ++i) {
    const auto outcome = static_cast<PageOutcome>(i);
    if (result.outcomes[outcome] == 0) continue;
    pb::OutcomeCount* count = message.add_outcomes();
    count->set_outcome(ToProto(outcome));
    count->set_page_count(result.outcomes[outcome]);
  }
  message.set_examined_page_count(result.outcomes.Total());
  message.set_on_target_page_count(result.pages_on_target);
  message.set_drifted_page_count(result.drifted_pages);
  ToField(result.before, message.mutable_before());
  if (!result.verifications.empty()) {
    ToField(result.verifications.back().memory, message.mutable_after());
  }
  message.set_process_count(result.process_count);
  message.set_vanished_process_count(result.vanished_process_count);
  message.set_hidden_process_count(result.hidden_process_count);
  message.set_incomplete(result.incomplete);
  message.set_move_call_count(result.calls.Count());
  *message.mutable_move_call_time() = ToProto(result.calls.total);
  *message.mutable_longest_move_call() = ToProto(result.calls.longest);
}

absl::StatusOr<KindSet> KindsFrom(const google::protobuf::RepeatedField<int>& field) {
  if (field.empty()) return kPrivateKinds;
  KindSet kinds;
  for (const int kind : field) {
    switch (kind) {
      case pb::MEMORY_KIND_ANON: kinds.Insert(MemoryKind::kAnon); break;
      case pb::MEMORY_KIND_SHMEM: kinds.Insert(MemoryKind::kShmem); break;
      case pb::MEMORY_KIND_FILE: kinds.Insert(MemoryKind::kFile); break;
      case pb::MEMORY_KIND_HUGETLB: kinds.Insert(MemoryKind::kHugetlb); break;
      default:
        return absl::InvalidArgumentError(absl::StrCat("memory_kinds: ", kind, " is no kind"));
    }
  }
  return kinds;
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), Printable(status.message()));
}

void ToProto(const Topology& topology, pb::Topology& message) {
  message.set_page_bytes(topology.page_bytes);
  for (const auto& [id, node] : topology.nodes) {
    pb::Node* out = message.add_nodes();
    out->set_node_id(id.value);
    ToField(node.cpus, out->mutable_cpu_ids());
    out->set_has_memory(node.has_memory);
    out->set_total_bytes(node.total_bytes);
    out->set_free_bytes(node.free_bytes);
    for (const auto& [other, value] : node.distances) {
      pb::NodeDistance* distance = out->add_distances();
      distance->set_node_id(other.value);
      distance->set_distance(value);
    }
  }
}

void ToProto(const Workload& workload, pb::Workload& message) {
  message.set_cgroup_path(Printable(workload.cgroup_path));
  message.set_cgroup_id(workload.cgroup_id);
  if (workload.container.has_value()) {
    message.set_pod_uid(workload.container->pod_uid);
    message.set_container_id(workload.container->container_id);
    message.set_qos_class(ToProto(workload.container->qos));
  }
  if (workload.process.has_value()) message.set_pid(workload.process->pid);
}

void ToProto(const WorkloadPlacement& placement, pb::WorkloadPlacement& message) {
  ToProto(placement.workload, *message.mutable_workload());
  message.set_source(placement.source == PlacementSource::kPageScan ? pb::PLACEMENT_VIEW_PAGES
                                                                    : pb::PLACEMENT_VIEW_BASIC);
  ToField(placement.memory, message.mutable_node_usages());
  ToField(placement.cpus, message.mutable_cpu_ids());
  ToField(placement.home_nodes, message.mutable_home_node_ids());
  ToField(placement.allowed_nodes, message.mutable_allowed_node_ids());
  if (const auto fraction = placement.LocalFraction()) message.set_local_fraction(*fraction);
  message.set_process_count(placement.process_count);
  message.set_thread_count(placement.thread_count);
  message.set_vanished_process_count(placement.vanished_process_count);
  message.set_hidden_process_count(placement.hidden_process_count);
  message.set_incomplete(placement.incomplete);
  message.set_is_sandbox(placement.is_sandbox);
  *message.mutable_read_time() = ToProto(placement.read_time);
}

void ToProto(const Migration& migration, pb::Migration& message) {
  message.set_id(migration.id);
  message.set_state(ToProto(migration.state));
  message.set_reason(ToProto(migration.reason));
  message.set_message(Printable(migration.message));
  for (const WorkloadMigration& result : migration.workloads) {
    ToProto(result, *message.add_workloads());
  }
  message.set_page_bytes(migration.page_bytes);
  *message.mutable_create_time() = ToProto(migration.create_time);
  if (migration.start_time != absl::InfiniteFuture()) {
    *message.mutable_start_time() = ToProto(migration.start_time);
  }
  if (migration.end_time != absl::InfiniteFuture()) {
    *message.mutable_end_time() = ToProto(migration.end_time);
  }
  message.set_request_id(migration.request.request_id);
}

absl::StatusOr<WorkloadSelector> FromProto(const pb::WorkloadSelector& message) {
  WorkloadSelector selector;
  switch (message.name_case()) {
    case pb::WorkloadSelector::kPod:
      if (message.pod().uid().empty())
        return absl::InvalidArgumentError("workload: pod.uid is empty");
      selector.pod_uid = message.pod().uid();
      if (!message.pod().container_id().empty()) {
        selector.container_id = message.pod().container_id();
      }
      return selector;
    case pb::WorkloadSelector::kContainerId:
      selector.container_id = message.container_id();
      return selector;
    case pb::WorkloadSelector::kCgroupPath:
      selector.cgroup_path = message.cgroup_path();
      return selector;
    case pb::WorkloadSelector::kPid: selector.pid = message.pid(); return selector;
    case pb::WorkloadSelector::NAME_NOT_SET: break;
  }
  return absl::InvalidArgumentError("workload: name it by pod, container_id, cgroup_path or pid");
}

PlacementView FromProto(pb::PlacementView view) {
  return view == pb::PLACEMENT_VIEW_PAGES ? PlacementView::kPages : PlacementView::kBasic;
}

absl::StatusOr<MigrationRequest> FromProto(const pb::CreateMigrationRequest& message) {
  MigrationRequest request;
  for (const pb::WorkloadSelector& workload : message.workloads()) {
    NL_ASSIGN_OR_RETURN(WorkloadSelector selector, FromProto(workload));
    request.workloads.push_back(std::move(selector));
  }
  request.spec.target_nodes = NodesFrom(message.target_node_ids());
  request.spec.source_nodes = NodesFrom(message.source_node_ids());
  if (!message.address_ranges().empty()) request.spec.ranges.clear();
  for (const pb::AddressRange& range : message.address_ranges()) {
    request.spec.ranges.push_back({range.start(), range.end()});
  }
  NL_ASSIGN_OR_RETURN(request.spec.kinds, KindsFrom(message.memory_kinds()));
  if (message.has_min_moved()) request.spec.min_moved = message.min_moved();
  if (message.has_deadline()) {
    request.spec.deadline =
        absl::Seconds(message.deadline().seconds()) + absl::Nanoseconds(message.deadline().nanos());
    if (request.spec.deadline <= absl::ZeroDuration()) {
      return absl::InvalidArgumentError("deadline: must be longer than 0");
    }
  }
  if (message.request_id().size() > kMaxRequestIdLength) {
    return absl::InvalidArgumentError(
        absl::StrCat("request_id: longer than ", kMaxRequestIdLength, " characters"));
  }
  request.request_id = message.request_id();
  return request;
}

std::string EncodePageToken(absl::string_view position) {
  return absl::WebSafeBase64Escape(position);
}

absl::StatusOr<std::string> DecodePageToken(absl::string_view token) {
  std::string position;
  if (!absl::WebSafeBase64Unescape(token, &position)) {
    return absl::InvalidArgumentError("page_token: not one that this agent gave");
  }
  return position;
}

absl::StatusOr<size_t> PageSize(int32_t requested) {
  constexpr int32_t kDefault = 250;
  constexpr int32_t kMax = 1000;
  if (requested < 0) return absl::InvalidArgumentError("page_size: must not be negative");
  return static_cast<size_t>(requested == 0 ? kDefault : std::min(requested, kMax));
}

}  // namespace numalocality
