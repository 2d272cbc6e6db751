// Which agent localityctl calls, and how it connects: endpoints, TLS, and the options for them.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_CONNECTION_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_CONNECTION_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/cli/localityctl/agent_client.h"
#include "agent/cli/localityctl/output.h"

namespace grpc {
class Channel;
class ChannelCredentials;
}  // namespace grpc

namespace numalocality::localityctl {

inline constexpr char kDefaultEndpoint[] = "unix:/run/numa-locality-agent/agent.sock";

struct HostPort {
  std::string host;  // a name, or an IP address without brackets
  int port = 0;
};

// "HOST:PORT", with IPv6 addresses in brackets. INVALID_ARGUMENT says what to write.
absl::StatusOr<HostPort> ParseHostPort(absl::string_view text);

// Checks that `text` is "unix:PATH" or "HOST:PORT", and returns it.
absl::StatusOr<std::string> ParseEndpoint(absl::string_view text);

bool IsUnixEndpoint(absl::string_view endpoint);

// The addresses of `name` as endpoints, sorted and without duplicates. UNAVAILABLE if there is
// none.
absl::StatusOr<std::vector<std::string>> ResolveHost(const HostPort& name);

// Mutual TLS, for endpoints that are not unix sockets.
struct TlsOptions {
  std::string ca;           // file: certificates of the CA that signed the agents' certificates
  std::string certificate;  // file: the client's certificate
  std::string key;          // file: the client's private key
  std::string server_name;  // the name in the agent's certificate; empty: HOST
};

// Reads the files. INVALID_ARGUMENT, or the error of ErrnoStatus, if one is missing or wrong;
// UNAUTHENTICATED if the client's certificate has expired.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> ReadCredentials(
    const TlsOptions& options);

// A channel to a unix socket ("unix:PATH") that connects with the first call.
std::shared_ptr<grpc::Channel> OpenUnixChannel(const std::string& endpoint);

// A channel to `target` (HOST:PORT, or an address in gRPC's form) that connects with the first call
// and never in plaintext, and that notices within a minute if the other machine is gone. The server
// must have a certificate for `server_name`, or for HOST if that is empty.
std::shared_ptr<grpc::Channel> OpenTlsChannel(
    const std::string& target, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
    const std::string& server_name);

// The options that all subcommands have.
struct GlobalOptions {
  std::string endpoint = kDefaultEndpoint;
  std::string all;             // --all: NAME:PORT of many agents
  std::string endpoints_file;  // --endpoints: the file that lists them; "-": standard input
  int parallel = 16;           // how many of them are called at a time
  TlsOptions tls;
  // Resolves `all`. Tests replace it.
  std::function<absl::StatusOr<std::vector<std::string>>(const HostPort&)> resolve = ResolveHost;
  OutputFormat output = OutputFormat::kTable;
  absl::Duration timeout = absl::Seconds(30);
  const Clock* clock = &Clock::System();  // of pauses between attempts

  // Whether many agents are called instead of the one at `endpoint`.
  bool calls_many() const { return !all.empty() || !endpoints_file.empty(); }
};

// The client of the agent at `endpoint`. INVALID_ARGUMENT if the options name many.
absl::StatusOr<AgentClient> Connect(const GlobalOptions& globals);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_CONNECTION_H_
