// Who calls the API, and what they may do: by the socket of the call, and on the front's socket by
// the client's certificate.
#ifndef NUMALOCALITY_AGENT_RPC_CALLERS_H_
#define NUMALOCALITY_AGENT_RPC_CALLERS_H_

#include <grpcpp/server_context.h>

#include <functional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/model/access.h"

namespace numalocality {

// Metadata in which the front passes the client's certificate: PEM, percent-encoded (nginx's
// $ssl_client_escaped_cert). Trusted on the front's socket only.
inline constexpr char kCertificateHeader[] = "x-client-certificate";

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

  // UNAUTHENTICATED if the certificate is missing or has no identity.
  absl::StatusOr<Access> Identify(const grpc::ServerContext& context) const;

 private:
  const std::function<std::vector<ApiClient>()> clients_;  // null: the agent's own socket
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_CALLERS_H_
