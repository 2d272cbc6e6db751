// Where agents are called, and what localityctl shows them of itself.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_CONNECTION_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_CONNECTION_H_

#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace numalocality::localityctl {

inline constexpr char kDefaultEndpoint[] = "unix:/run/numa-locality-agent/agent.sock";

struct HostPort {
  std::string host;  // a name, or an IP address without brackets
  int port = 0;
};

// "HOST:PORT", IPv6 in brackets. INVALID_ARGUMENT with a sentence that says what is right.
absl::StatusOr<HostPort> ParseHostPort(absl::string_view text);

// "unix:PATH" or HOST:PORT, as it is.
absl::StatusOr<std::string> ParseEndpoint(absl::string_view text);

bool IsUnixEndpoint(absl::string_view endpoint);

// The addresses of `name`, each once, as endpoints. UNAVAILABLE if there is none.
absl::StatusOr<std::vector<std::string>> ResolveHost(const HostPort& name);

// For endpoints that are not unix sockets.
struct TlsOptions {
  std::string ca;           // file: of the CA that signed the agents' certificates
  std::string certificate;  // file: the client's
  std::string key;          // file: the client's
  std::string server_name;  // what the agent's certificate must be for; empty: HOST
};

// Reads the files. INVALID_ARGUMENT or as ErrnoStatus has it if one is missing or wrong,
// UNAUTHENTICATED if the certificate has ended.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> ReadCredentials(
    const TlsOptions& options);

// Connects with the first call. Never in plaintext: whoever is at `target` (HOST:PORT, or an
// address as gRPC writes it) must have a certificate for `server_name`, or HOST if that is empty.
std::shared_ptr<grpc::Channel> OpenTlsChannel(
    const std::string& target, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
    const std::string& server_name);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_CONNECTION_H_
