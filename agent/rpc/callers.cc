#include "agent/rpc/callers.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/model/client_certificate.h"
#include "agent/model/error_details.h"

namespace numalocality {
namespace {

absl::Status UnknownCaller(absl::string_view why) {
  return WithDetails(absl::UnauthenticatedError(why), {ErrorReason::kCallerUnknown});
}

}  // namespace

absl::StatusOr<Caller> Callers::Identify(const grpc::ServerContextBase& context) const {
  const auto& metadata = context.client_metadata();
  if (container_of_ != nullptr) {
    const auto call = metadata.find(kCallHeader);
    if (call == metadata.end()) {
      return UnknownCaller("the call does not come from the self socket");
    }
    NL_ASSIGN_OR_RETURN(const Workload container,
                        container_of_(std::string(call->second.data(), call->second.size())));
    return Caller{Access::Self(container).identity(), absl::InfiniteFuture(), container};
  }
  if (clients_ == nullptr) return Caller{absl::StrCat("uid:", geteuid())};
  if (metadata.count(kCertificateHeader) != 1) {
    return UnknownCaller(
        "the front has passed no client certificate; check that it requires and passes one");
  }
  const grpc::string_ref header = metadata.find(kCertificateHeader)->second;
  const auto certificate = ClientCertificateFrom({header.data(), header.size()});
  if (!certificate.ok()) {
    return UnknownCaller(absl::StrCat("client certificate: ", certificate.status().message()));
  }
  return Caller{certificate->identity, certificate->end};
}

absl::StatusOr<Access> Callers::AccessOf(const Caller& caller) const {
  if (caller.container.has_value()) return Access::Self(*caller.container);
  if (are_viewers_) return Access::Viewer(caller.identity);
  if (clients_ == nullptr) return Access::Full(caller.identity);
  if (clock_->Now() > caller.certificate_end) {
    return WithDetails(
        absl::UnauthenticatedError(absl::StrCat(
            "client certificate: has expired at ",
            absl::FormatTime(absl::RFC3339_sec, caller.certificate_end, absl::UTCTimeZone()),
            "; connect again with a new one")),
        {ErrorReason::kCertificateExpired});
  }
  Access access = Access::Granted(caller.identity, clients_());
  NL_RETURN_IF_ERROR(access.CheckKnown());
  return access;
}

}  // namespace numalocality
