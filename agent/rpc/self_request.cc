#include "agent/rpc/self_request.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/base/status.h"
#include "agent/model/access.h"
#include "agent/model/error_details.h"
#include "agent/rpc/convert/common.h"

namespace numalocality {
namespace {

using v1::SelfRequest;

// In the order of the numbers in SelfRequest, from 1.
constexpr const char* kMethods[] = {
    "PlacementService/GetPlacement",    "PlacementService/ExplainPlacement",
    "MigrationService/CreateMigration", "MigrationService/GetMigration",
    "MigrationService/ListMigrations",  "MigrationService/WatchMigration",
    "MigrationService/CancelMigration", "MigrationService/ReserveWorkload",
    "MigrationService/ReleaseWorkload"};

// Of a request; also the default.
constexpr absl::Duration kLongestMigration = absl::Minutes(5);

// Compares, and looks nothing up: an answer must not show whether another workload exists.
bool MeansContainer(const WorkloadSelector& selector, const Workload& container) {
  const ContainerRef& own = *container.container;
  const auto means_id = [&own](const std::string& id) {
    const absl::string_view prefix = WithoutScheme(id);
    return prefix.size() >= kMinContainerIdPrefix && absl::StartsWith(own.container_id, prefix);
  };
  if (selector.names.has_value()) {
    return !selector.names->container.empty() && *selector.names == container.names;
  }
  return (!selector.pod_uid.has_value() || *selector.pod_uid == own.pod_uid) &&
         selector.container_id.has_value() && means_id(*selector.container_id);
}

absl::Status CheckSelector(const SelfCaller& caller, const v1::WorkloadSelector& message) {
  NL_ASSIGN_OR_RETURN(const WorkloadSelector selector, FromProto(message));
  if (MeansContainer(selector, caller.container)) return absl::OkStatus();
  return Access::Self(caller.container).Check(Role::kMigrator, "");
}

void SetContainer(const SelfCaller& caller, v1::WorkloadSelector& message) {
  message.set_container_id(caller.container.container->container_id);
}

// For requests with one workload.
template <typename Request>
absl::Status FillIn(const SelfCaller& caller, Request& request) {
  if (request.has_workload()) NL_RETURN_IF_ERROR(CheckSelector(caller, request.workload()));
  SetContainer(caller, *request.mutable_workload());
  return absl::OkStatus();
}

// Nothing of a request may occupy a worker of the agent for long, or move memory of others.
absl::Status CheckModest(v1::CreateMigrationRequest& request) {
  if (request.has_limits()) return InvalidField("limits", "cannot be set on the self socket");
  if (!request.verify_after().empty()) {
    return InvalidField("verify_after", "cannot be set on the self socket");
  }
  if (!request.has_timeout()) *request.mutable_timeout() = ToProto(kLongestMigration);
  if (FromProto(request.timeout()) > kLongestMigration) {
    return InvalidField("timeout",
                        absl::StrCat("must be at most ", absl::FormatDuration(kLongestMigration),
                                     " on the self socket"));
  }
  if (request.shared_pages() == v1::SHARING_RULE_OWNED && request.hold() != v1::HOLD_MODE_PTRACE) {
    return InvalidField("shared_pages", "OWNED needs hold PTRACE on the self socket");
  }
  return absl::OkStatus();
}

absl::Status FillIn(const SelfCaller& caller, v1::CreateMigrationRequest& request) {
  if (request.has_evacuation()) return Access::Self(caller.container).CheckEvacuate();
  NL_RETURN_IF_ERROR(CheckModest(request));
  for (const v1::WorkloadSelector& workload : request.workloads()) {
    NL_RETURN_IF_ERROR(CheckSelector(caller, workload));
  }
  if (!request.workloads().empty()) return absl::OkStatus();
  if (request.address_ranges().empty()) {
    SetContainer(caller, *request.add_workloads());
  } else {
    request.add_workloads()->set_pid(caller.pid);
  }
  return absl::OkStatus();
}

absl::Status FillInWorkloads(const SelfCaller& caller, SelfRequest& request) {
  switch (request.call_case()) {
    case SelfRequest::kGetPlacement: return FillIn(caller, *request.mutable_get_placement());
    case SelfRequest::kExplainPlacement:
      return FillIn(caller, *request.mutable_explain_placement());
    case SelfRequest::kCreateMigration: return FillIn(caller, *request.mutable_create_migration());
    case SelfRequest::kReserveWorkload: {
      v1::ReserveWorkloadRequest& reserve = *request.mutable_reserve_workload();
      const bool is_renewal = !reserve.token().empty() && !reserve.has_workload();
      return is_renewal ? absl::OkStatus() : FillIn(caller, reserve);
    }
    case SelfRequest::kReleaseWorkload:
      if (!request.release_workload().has_workload()) return absl::OkStatus();
      return FillIn(caller, *request.mutable_release_workload());
    default: return absl::OkStatus();
  }
}

bool IsChange(const SelfRequest& request) {
  return request.has_reserve_workload() ||
         (request.has_create_migration() && !request.create_migration().validate_only());
}

}  // namespace

absl::StatusOr<SelfCall> ToSelfCall(const SelfCaller& caller, const std::string& request) {
  SelfRequest message;
  if (!message.ParseFromString(request)) {
    return absl::InvalidArgumentError("the request is not a numalocality.v1.SelfRequest");
  }
  const int field = message.call_case();
  if (field == 0) {
    return absl::InvalidArgumentError("call: is missing, or is none that the self socket serves");
  }
  NL_RETURN_IF_ERROR(FillInWorkloads(caller, message));
  SelfCall call;
  call.method = absl::StrCat("/numalocality.v1.", kMethods[field - 1]);
  call.field = field;
  const auto* const part = SelfRequest::descriptor()->FindFieldByNumber(field);
  call.request = SelfRequest::GetReflection()->GetMessage(message, part).SerializeAsString();
  call.is_change = IsChange(message);
  call.is_watch = message.has_watch_migration();
  return call;
}

std::string ToSelfResponse(const SelfCall& call, const grpc::Status& status,
                           const std::string& message) {
  v1::SelfResponse response;
  if (status.ok()) {
    const auto* const part = v1::SelfResponse::descriptor()->FindFieldByNumber(call.field);
    v1::SelfResponse::GetReflection()->MutableMessage(&response, part)->ParseFromString(message);
    return response.SerializeAsString();
  }
  v1::SelfError* error = response.mutable_error();
  // They are a google.rpc.Status, whose field numbers SelfError has.
  error->ParseFromString(status.error_details());
  error->set_code(status.error_code());
  error->set_message(status.error_message());
  return response.SerializeAsString();
}

std::string ToSelfResponse(const absl::Status& error) {
  return ToSelfResponse(SelfCall(), ToGrpc(error), "");
}

}  // namespace numalocality
