#include "agent/rpc/convert/common.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/model/error_details.h"
#include "agent/rpc/convert/error_details.h"

namespace numalocality {
namespace {

using google::protobuf::util::TimeUtil;

}  // namespace

int ApiNumberOf(const google::protobuf::EnumDescriptor& type, const std::string& name) {
  const absl::string_view prefix =
      absl::StripSuffix(type.FindValueByNumber(0)->name(), "UNSPECIFIED");
  const auto* const value = type.FindValueByName(absl::StrCat(prefix, name));
  return value == nullptr ? 0 : value->number();
}

google::protobuf::Timestamp ToProto(absl::Time time) {
  return TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(time));
}

// Not through nanoseconds, which overflow after 292 years.
google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration message;
  constexpr absl::Duration kMax = absl::Seconds(315'576'000'000);  // of the message: 10,000 years
  duration = std::clamp(duration, -kMax, kMax);
  message.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  message.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
  return message;
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
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), Printable(status.message()),
                      SerializedDetails(status));
}

void ToProto(const Workload& workload, pb::Workload& message) {
  message.set_cgroup_path(Printable(workload.cgroup_path));
  if (message.cgroup_path() != workload.cgroup_path) {
    message.set_cgroup_path_bytes(workload.cgroup_path);
  }
  message.set_cgroup_id(workload.cgroup_id);
  if (workload.container.has_value()) {
    message.set_pod_uid(workload.container->pod_uid);
    message.set_container_id(workload.container->container_id);
    message.set_qos_class(ToApi<pb::QosClass>(workload.container->qos));
    message.set_container_role(ToApi<pb::ContainerRole>(workload.role));
  }
  if (workload.process.has_value()) {
    message.set_pid(workload.process->pid);
    message.set_process_start_ticks(workload.process->start_ticks);
  }
  message.set_pod_namespace(Printable(workload.names.pod_namespace));
  message.set_pod_name(Printable(workload.names.pod));
  message.set_container_name(Printable(workload.names.container));
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
  workload.cgroup_path =
      message.cgroup_path_bytes().empty() ? message.cgroup_path() : message.cgroup_path_bytes();
  workload.cgroup_id = message.cgroup_id();
  if (!message.container_id().empty()) {
    workload.container = {message.pod_uid(), message.container_id(),
                          FromApi<QosClass>(message.qos_class()).value_or(QosClass::kGuaranteed)};
    workload.role =
        FromApi<ContainerRole>(message.container_role()).value_or(ContainerRole::kUnknown);
  }
  if (message.pid() != 0) workload.process = {message.pid(), message.process_start_ticks()};
  workload.names = {message.pod_namespace(), message.pod_name(), message.container_name()};
  return workload;
}

WorkloadFilter FromProto(const pb::WorkloadFilter& message) {
  return {{message.namespaces().begin(), message.namespaces().end()}, message.pod_name()};
}

absl::StatusOr<WorkloadSelector> FromProto(const pb::WorkloadSelector& message) {
  WorkloadSelector selector;
  switch (message.name_case()) {
    case pb::WorkloadSelector::kPod:
      if (message.pod().uid().empty()) return InvalidField("workload", "pod.uid is empty");
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
  return InvalidField("workload",
                      "name it by pod, container_id, cgroup_path, pid or resource_name");
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

absl::StatusOr<bool> IsSummary(pb::Detail detail) {
  switch (detail) {
    case pb::DETAIL_UNSPECIFIED:
    case pb::DETAIL_FULL: return false;
    case pb::DETAIL_SUMMARY: return true;
    default: return InvalidField("detail", absl::StrCat(detail, " is not a detail of the API"));
  }
}

std::string EncodePageToken(absl::string_view list, absl::string_view position) {
  return absl::WebSafeBase64Escape(absl::StrCat(list, ":", position));
}

absl::StatusOr<std::string> DecodePageToken(absl::string_view list, absl::string_view token) {
  if (token.empty()) return "";
  std::string decoded;
  absl::string_view position;
  if (absl::WebSafeBase64Unescape(token, &decoded)) {
    position = decoded;
    if (absl::ConsumePrefix(&position, absl::StrCat(list, ":")) && !position.empty()) {
      return std::string(position);
    }
  }
  return InvalidField(
      "page_token", "not one that this agent gave for this list; start again with the first page");
}

absl::StatusOr<size_t> PageSize(int32_t requested) {
  constexpr int32_t kDefault = 250;
  constexpr int32_t kMax = 1000;
  if (requested < 0) return InvalidField("page_size", "must not be negative");
  return static_cast<size_t>(requested == 0 ? kDefault : std::min(requested, kMax));
}

}  // namespace numalocality
