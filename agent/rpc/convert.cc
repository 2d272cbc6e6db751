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

pb::QosClass ToProto(QosClass qos) {
  switch (qos) {
    case QosClass::kGuaranteed: return pb::QOS_CLASS_GUARANTEED;
    case QosClass::kBurstable: return pb::QOS_CLASS_BURSTABLE;
    case QosClass::kBestEffort: return pb::QOS_CLASS_BEST_EFFORT;
  }
  return pb::QOS_CLASS_UNSPECIFIED;
}

}  // namespace

std::string Printable(absl::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isprint(static_cast<unsigned char>(c));
  });
  return plain ? std::string(text) : LogSafe(text);
}

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
  message.set_unlocated_bytes(placement.unlocated_bytes);
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
