#include "agent/rpc/convert/convert.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/base/status.h"

namespace numalocality {
namespace {

using google::protobuf::util::TimeUtil;

}  // namespace

google::protobuf::Timestamp ToProto(absl::Time time) {
  return TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(time));
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  return TimeUtil::NanosecondsToDuration(absl::ToInt64Nanoseconds(duration));
}

void ToField(const MemoryByNode& memory, google::protobuf::RepeatedPtrField<pb::NodeUsage>* field) {
  for (const auto& [node, bytes] : memory.nodes) {
    pb::NodeUsage* usage = field->Add();
    usage->set_node_id(node.value);
    usage->set_anon_bytes(bytes[MemoryKind::kAnon]);
    usage->set_shmem_bytes(bytes[MemoryKind::kShmem]);
    usage->set_file_bytes(bytes[MemoryKind::kFile]);
    usage->set_hugetlb_bytes(bytes[MemoryKind::kHugetlb]);
  }
}

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

pb::QosClass ToProto(QosClass qos) {
  switch (qos) {
    case QosClass::kGuaranteed: return pb::QOS_CLASS_GUARANTEED;
    case QosClass::kBurstable: return pb::QOS_CLASS_BURSTABLE;
    case QosClass::kBestEffort: return pb::QOS_CLASS_BEST_EFFORT;
  }
  return pb::QOS_CLASS_UNSPECIFIED;
}

void ToProto(const Workload& workload, pb::Workload& message) {
  message.set_cgroup_path(Printable(workload.cgroup_path));
  message.set_cgroup_id(workload.cgroup_id);
  if (workload.container.has_value()) {
    message.set_pod_uid(workload.container->pod_uid);
    message.set_container_id(workload.container->container_id);
    message.set_qos_class(ToProto(workload.container->qos));
  }
  if (workload.process.has_value()) {
    message.set_pid(workload.process->pid);
    message.set_process_start_ticks(workload.process->start_ticks);
  }
  message.set_pod_namespace(Printable(workload.names.pod_namespace));
  message.set_pod_name(Printable(workload.names.pod));
  message.set_container_name(Printable(workload.names.container));
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
  message.set_unlocated_bytes(placement.unlocated_bytes);
}

void ToProto(const RepairDecision& decision, pb::RepairDecision& message) {
  static_assert(static_cast<int>(RepairVerdict::kLeave) + 1 == pb::REPAIR_VERDICT_LEAVE);
  static_assert(static_cast<int>(RepairReason::kRefused) + 1 == pb::REPAIR_REASON_REFUSED);
  message.set_verdict(static_cast<pb::RepairVerdict>(static_cast<int>(decision.verdict) + 1));
  message.set_reason(static_cast<pb::RepairReason>(static_cast<int>(decision.reason) + 1));
  message.set_message(Printable(decision.message));
  message.set_policy(Printable(decision.policy));
  if (decision.next < absl::InfiniteFuture()) {
    *message.mutable_next_time() = ToProto(decision.next);
  }
  *message.mutable_since_time() = ToProto(decision.since);
}

void AddReport(const WorkloadReport& report, pb::WorkloadPlacement& message) {
  ToProto(report.placement.workload, *message.mutable_workload());
  if (report.decision.has_value()) ToProto(*report.decision, *message.mutable_decision());
  if (const auto& assignment = report.description.assignment; assignment.has_value()) {
    pb::KubeletAssignment* kubelet = message.mutable_kubelet_assignment();
    ToField(assignment->exclusive_cpus, kubelet->mutable_exclusive_cpu_ids());
    ToField(assignment->memory_nodes, kubelet->mutable_memory_node_ids());
  }
  if (report.placement.processes.empty()) return;
  for (const ProcessPlacement& process : report.placement.processes) {
    pb::ProcessPlacement* each = message.add_processes();
    each->set_pid(process.id.pid);
    ToField(process.cpus, each->mutable_cpu_ids());
    ToField(process.home_nodes, each->mutable_home_node_ids());
    ToField(process.memory, each->mutable_node_usages());
    each->set_sampled_page_count(process.sampled_pages);
    if (const auto local = process.LocalFraction(); local.has_value()) {
      each->set_local_fraction(*local);
    }
  }
  // Of all of them, each on its own home.
  if (const auto local = report.placement.LocalFraction(); local.has_value()) {
    message.set_local_fraction(*local);
  }
}

absl::Time FromProto(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

void FromField(const google::protobuf::RepeatedPtrField<pb::NodeUsage>& field,
               MemoryByNode& memory) {
  for (const pb::NodeUsage& usage : field) {
    KindBytes& bytes = memory.nodes[NodeId{usage.node_id()}];
    bytes[MemoryKind::kAnon] += usage.anon_bytes();
    bytes[MemoryKind::kShmem] += usage.shmem_bytes();
    bytes[MemoryKind::kFile] += usage.file_bytes();
    bytes[MemoryKind::kHugetlb] += usage.hugetlb_bytes();
  }
}

NodeSet NodesFrom(const google::protobuf::RepeatedField<int32_t>& field) {
  NodeSet nodes;
  for (const int32_t id : field) nodes.Insert(NodeId{id});
  return nodes;
}

Workload FromProto(const pb::Workload& message) {
  Workload workload;
  workload.cgroup_path = message.cgroup_path();
  workload.cgroup_id = message.cgroup_id();
  if (!message.container_id().empty()) {
    workload.container = {message.pod_uid(), message.container_id(),
                          static_cast<QosClass>(message.qos_class() - 1)};
  }
  if (message.pid() != 0) workload.process = {message.pid(), message.process_start_ticks()};
  workload.names = {message.pod_namespace(), message.pod_name(), message.container_name()};
  return workload;
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
    case pb::WorkloadSelector::kResourceName: {
      NL_ASSIGN_OR_RETURN(selector.names, ParseResourceName(message.resource_name()));
      return selector;
    }
    case pb::WorkloadSelector::NAME_NOT_SET: break;
  }
  return absl::InvalidArgumentError(
      "workload: name it by pod, container_id, cgroup_path, pid or resource_name");
}

void ToProto(const WorkloadSelector& selector, pb::WorkloadSelector& message) {
  if (selector.pod_uid.has_value()) {
    message.mutable_pod()->set_uid(*selector.pod_uid);
    message.mutable_pod()->set_container_id(selector.container_id.value_or(""));
  } else if (selector.container_id.has_value()) {
    message.set_container_id(*selector.container_id);
  } else if (selector.cgroup_path.has_value()) {
    message.set_cgroup_path(*selector.cgroup_path);
  } else if (selector.pid.has_value()) {
    message.set_pid(*selector.pid);
  } else if (selector.names.has_value()) {
    std::string name =
        absl::StrCat("namespaces/", selector.names->pod_namespace, "/pods/", selector.names->pod);
    if (!selector.names->container.empty()) {
      absl::StrAppend(&name, "/containers/", selector.names->container);
    }
    message.set_resource_name(name);
  }
}

PlacementView FromProto(pb::PlacementView view) {
  return view == pb::PLACEMENT_VIEW_PAGES ? PlacementView::kPages : PlacementView::kBasic;
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
