#include "agent/rpc/call.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/log_fields.h"
#include "agent/base/status.h"
#include "agent/model/error_details.h"
#include "agent/rpc/convert/common.h"

namespace numalocality {
namespace {

// A W3C traceparent has 55 characters.
constexpr size_t kMaxTraceparent = 64;
constexpr size_t kMaxSubject = 1024;

std::string TraceparentOf(const grpc::ServerContextBase& context) {
  const auto found = context.client_metadata().find("traceparent");
  if (found == context.client_metadata().end()) return "";
  const grpc::string_ref value = found->second;
  return std::string(value.data(), value.size()).substr(0, kMaxTraceparent);
}

// Whether the caller, not the machine, is why the call is refused.
bool IsRefusal(const absl::Status& status) {
  const auto details = DetailsOf(status);
  return absl::IsUnauthenticated(status) ||
         (details.has_value() && details->reason == ErrorReason::kRoleMissing);
}

}  // namespace

Call::Call(const Callers& callers, const grpc::ServerContextBase& context, const char* method,
           CallKind kind)
    : callers_(callers),
      context_(context),
      method_(method),
      kind_(kind),
      caller_(callers.Identify(context)),
      begun_(caller_.ok() ? callers.limits()->Begin(caller_->identity, kind) : caller_.status()) {}

Call::~Call() {
  if (begun_.ok()) callers_.limits()->End(caller_->identity, kind_);
}

absl::StatusOr<Access> Call::access() const {
  NL_RETURN_IF_ERROR(begun_);
  return callers_.AccessOf(*caller_);
}

void Call::On(const std::vector<Workload>& workloads) {
  On(absl::StrJoin(workloads, ", ", [](std::string* text, const Workload& workload) {
    const ContainerNames& names = workload.names;
    absl::StrAppend(text, names.pod.empty() ? workload.ToString()
                                            : absl::StrCat(names.pod_namespace, "/", names.pod, "/",
                                                           names.container));
  }));
}

grpc::Status Call::End(const absl::Status& status) const {
  callers_.limits()->Answered(method_, status);
  if (!changes_ && !IsRefusal(status)) return ToGrpc(status);
  LogFields fields;
  fields.Word("method", method_)
      .Text("by", caller_.ok() ? caller_->identity : "")
      .Text("on", absl::string_view(subject_).substr(0, kMaxSubject))
      .Word("result", absl::StatusCodeToString(status.code()))
      .Text("why", status.message())
      .Text("request_id", request_id_)
      .Text("traceparent", TraceparentOf(context_));
  if (status.ok()) {
    LogInfo("audit", fields);
  } else {
    LogWarning("audit", fields);
  }
  return ToGrpc(status);
}

}  // namespace numalocality
