// Who calls the API, and what they may do: by the socket of the call, on the front's socket by the
// client's certificate, and on the self socket by the caller's container.
#ifndef NUMALOCALITY_AGENT_RPC_CALLERS_H_
#define NUMALOCALITY_AGENT_RPC_CALLERS_H_

#include <grpcpp/server_context.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/model/access.h"
#include "agent/model/workload.h"
#include "agent/rpc/call_limits.h"

namespace numalocality {

// Metadata in which the front passes the client's certificate: PEM, percent-encoded (nginx's
// $ssl_client_escaped_cert). Trusted on the front's socket only.
inline constexpr char kCertificateHeader[] = "x-client-certificate";

// Metadata in which the self socket passes the id of a call. Trusted in calls within this
// process only.
inline constexpr char kCallHeader[] = "x-self-call";

struct Caller {
  std::string identity;
  absl::Time certificate_end = absl::InfiniteFuture();
  std::optional<Workload> container = std::nullopt;  // of the self socket
};

// Thread-safe.
class Callers {
 public:
  // Those of the agent's own socket may do everything: only the agent's user can open its
  // directory. gRPC 1.51 does not report which user calls (ServerContext::peer() is "unix:"), so
  // their identity is that of the agent's user. So a limit of their calls would let one of them
  // keep all others out.
  Callers() : Callers(ClientLimits()) {}
  // Those of the front's socket have the rights that `clients` returns for their identity now,
  // until their certificate ends.
  Callers(std::function<std::vector<ApiClient>()> clients, const Clock& clock)
      : Callers(kNetworkLimits) {
    clients_ = std::move(clients);
    clock_ = &clock;
  }

  // Those of the viewer socket may look. They have the same identity.
  static Callers Viewers() {
    Callers callers;
    callers.are_viewers_ = true;
    return callers;
  }

  // Those of the self socket may ask for the container that `container_of` returns for the id of
  // their call. The self socket has limits of its own.
  static Callers OfContainers(
      std::function<absl::StatusOr<Workload>(const std::string& call)> container_of) {
    Callers callers;
    callers.container_of_ = std::move(container_of);
    return callers;
  }

  // UNAUTHENTICATED if the certificate is missing or has no identity.
  absl::StatusOr<Caller> Identify(const grpc::ServerContextBase& context) const;

  // What the caller may do now; later that may be less, or nothing. UNAUTHENTICATED if its
  // certificate has expired, PERMISSION_DENIED if it has no role.
  absl::StatusOr<Access> AccessOf(const Caller& caller) const;

  // Of all calls of these callers.
  const std::shared_ptr<CallLimits>& limits() const { return limits_; }

 private:
  explicit Callers(ClientLimits limits) : limits_(std::make_shared<CallLimits>(limits)) {}

  bool are_viewers_ = false;
  // Both null: the agent's own socket, or with are_viewers_ the viewer socket.
  std::function<std::vector<ApiClient>()> clients_;
  std::function<absl::StatusOr<Workload>(const std::string& call)> container_of_;
  const Clock* clock_ = nullptr;  // with clients_
  std::shared_ptr<CallLimits> limits_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_CALLERS_H_
