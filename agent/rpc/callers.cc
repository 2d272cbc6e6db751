#include "agent/rpc/callers.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/model/client_certificate.h"

namespace numalocality {

absl::StatusOr<Access> Callers::Identify(const grpc::ServerContextBase& context) const {
  const auto& metadata = context.client_metadata();
  if (container_of_ != nullptr) {
    const auto call = metadata.find(kCallHeader);
    if (call == metadata.end()) {
      return absl::UnauthenticatedError("the call does not come from the self socket");
    }
    NL_ASSIGN_OR_RETURN(const Workload container,
                        container_of_(std::string(call->second.data(), call->second.size())));
    return Access::Self(container);
  }
  if (clients_ == nullptr) return Access::Full(absl::StrCat("uid:", geteuid()));
  if (metadata.count(kCertificateHeader) != 1) {
    return absl::UnauthenticatedError(
        "the front has passed no client certificate; check that it requires and passes one");
  }
  const grpc::string_ref certificate = metadata.find(kCertificateHeader)->second;
  const auto identity = IdentityFromHeader({certificate.data(), certificate.size()});
  if (!identity.ok()) {
    return absl::UnauthenticatedError(
        absl::StrCat("client certificate: ", identity.status().message()));
  }
  return Access::Granted(*identity, clients_());
}

Access Callers::Again(const Access& earlier) const {
  return clients_ == nullptr ? earlier : Access::Granted(earlier.identity(), clients_());
}

}  // namespace numalocality
