// Who calls the API, and what they may do: by the socket of the call, on the front's socket by the
// client's certificate, and on the self socket by the caller's container.
#ifndef NUMALOCALITY_AGENT_RPC_CALLERS_H_
#define NUMALOCALITY_AGENT_RPC_CALLERS_H_

#include <grpcpp/server_context.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/model/access.h"
#include "agent/model/workload.h"

namespace numalocality {

// Metadata in which the front passes the client's certificate: PEM, percent-encoded (nginx's
// $ssl_client_escaped_cert). Trusted on the front's socket only.
inline constexpr char kCertificateHeader[] = "x-client-certificate";

// Metadata in which the self socket passes the id of a call. Trusted in calls within this
// process only.
inline constexpr char kCallHeader[] = "x-self-call";

// Thread-safe.
class Callers {
 public:
  // Those of the agent's own socket may do everything: only the agent's user can open its
  // directory. gRPC 1.51 does not report which user calls (ServerContext::peer() is "unix:"), so
  // their identity is that of the agent's user.
  Callers() = default;
  // Those of the front's socket have the rights that `clients` returns for their identity now.
  explicit Callers(std::function<std::vector<ApiClient>()> clients)
      : clients_(std::move(clients)) {}

  // Those of the self socket may ask for the container that `container_of` returns for the id of
  // their call.
  static Callers OfContainers(
      std::function<absl::StatusOr<Workload>(const std::string& call)> container_of) {
    Callers callers;
    callers.container_of_ = std::move(container_of);
    return callers;
  }

  // UNAUTHENTICATED if the certificate is missing or has no identity.
  absl::StatusOr<Access> Identify(const grpc::ServerContextBase& context) const;

  // The rights that the identity of `earlier` has now: the configuration may have changed.
  Access Again(const Access& earlier) const;

 private:
  // Both null: the agent's own socket.
  std::function<std::vector<ApiClient>()> clients_;
  std::function<absl::StatusOr<Workload>(const std::string& call)> container_of_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_CALLERS_H_
