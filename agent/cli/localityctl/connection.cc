#include "agent/cli/localityctl/connection.h"

#include <arpa/inet.h>
#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "agent/base/status.h"
#include "agent/model/tls_certificate.h"

namespace numalocality::localityctl {
namespace {

constexpr absl::string_view kUnix = "unix:";

// The same for all channels: after a failure gRPC tries to connect at most this often.
constexpr absl::Duration kFirstReconnect = absl::Milliseconds(500);
constexpr absl::Duration kSlowestReconnect = absl::Seconds(5);
// A ping shows whether the other machine is still there, sooner than a missing heartbeat.
constexpr absl::Duration kPingInterval = absl::Seconds(30);
constexpr absl::Duration kPingTimeout = absl::Seconds(20);

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

grpc::ChannelArguments ReconnectArguments() {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, Milliseconds(kFirstReconnect));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, Milliseconds(kSlowestReconnect));
  return arguments;
}

absl::StatusOr<std::string> ReadTlsFile(const char* option, const std::string& path) {
  if (path.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        option,
        " is missing: connections over the network use mutual TLS, which needs --ca, --cert and "
        "--key (or LOCALITYCTL_CA, LOCALITYCTL_CERT, LOCALITYCTL_KEY)"));
  }
  std::ifstream file(path);
  if (!file) return ErrnoStatus(errno, absl::StrCat(option, " ", path));
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

absl::Status About(const char* option, const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(option, " ", path, " ", status.message()));
}

std::string AddressOf(const addrinfo& info) {
  char text[INET6_ADDRSTRLEN] = {};
  if (info.ai_family == AF_INET6) {
    const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(*info.ai_addr);
    inet_ntop(AF_INET6, &ipv6.sin6_addr, text, sizeof(text));
    return absl::StrCat("[", text, "]");
  }
  const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(*info.ai_addr);
  return inet_ntop(AF_INET, &ipv4.sin_addr, text, sizeof(text));
}

}  // namespace

absl::StatusOr<HostPort> ParseHostPort(absl::string_view text) {
  const size_t colon = text.rfind(':');
  absl::string_view host = text.substr(0, colon);
  const bool is_bracketed = absl::ConsumePrefix(&host, "[") && absl::ConsumeSuffix(&host, "]");
  HostPort parsed{std::string(host)};
  if (colon != absl::string_view::npos && !host.empty() &&
      (is_bracketed || !absl::StrContains(host, ':')) && !absl::StrContains(host, '/') &&
      absl::SimpleAtoi(text.substr(colon + 1), &parsed.port) && parsed.port > 0 &&
      parsed.port <= 65535) {
    return parsed;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "'", text, "' is not a host and a port, such as node-1:9463 or [2001:db8::1]:9463"));
}

bool IsUnixEndpoint(absl::string_view endpoint) { return absl::StartsWith(endpoint, kUnix); }

absl::StatusOr<std::string> ParseEndpoint(absl::string_view text) {
  if (IsUnixEndpoint(text) ? text.size() > kUnix.size() : ParseHostPort(text).ok()) {
    return std::string(text);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not an endpoint; write unix: and the path of a socket, or ",
                   "HOST:PORT, such as node-1:9463 or [2001:db8::1]:9463"));
}

absl::StatusOr<std::vector<std::string>> ResolveHost(const HostPort& name) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(name.host.c_str(), nullptr, &hints, &found);
  if (error != 0) {
    return absl::UnavailableError(
        absl::StrCat("--all: ", name.host, " has no address: ", gai_strerror(error),
                     "; the names of Services resolve only inside the cluster; outside, name one "
                     "agent with --endpoint"));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  std::vector<std::string> endpoints;
  for (const addrinfo* info = found; info != nullptr; info = info->ai_next) {
    if (info->ai_family != AF_INET && info->ai_family != AF_INET6) continue;
    endpoints.push_back(absl::StrCat(AddressOf(*info), ":", name.port));
  }
  std::sort(endpoints.begin(), endpoints.end());
  endpoints.erase(std::unique(endpoints.begin(), endpoints.end()), endpoints.end());
  return endpoints;
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> ReadCredentials(
    const TlsOptions& options) {
  grpc::SslCredentialsOptions tls;
  NL_ASSIGN_OR_RETURN(tls.pem_root_certs, ReadTlsFile("--ca", options.ca));
  NL_ASSIGN_OR_RETURN(tls.pem_cert_chain, ReadTlsFile("--cert", options.certificate));
  NL_ASSIGN_OR_RETURN(tls.pem_private_key, ReadTlsFile("--key", options.key));
  const absl::Status trusted = LastExpiry(tls.pem_root_certs).status();
  if (!trusted.ok()) return About("--ca", options.ca, trusted);
  const auto expiry = FirstExpiry(tls.pem_cert_chain);
  if (!expiry.ok()) return About("--cert", options.certificate, expiry.status());
  const absl::Status matches = CheckPrivateKey(tls.pem_private_key, tls.pem_cert_chain);
  if (!matches.ok()) return About("--key", options.key, matches);
  if (*expiry <= absl::Now()) {
    return absl::UnauthenticatedError(absl::StrCat(
        "--cert ", options.certificate, " has a certificate that expired at ",
        absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", *expiry, absl::UTCTimeZone()), "; get a new one"));
  }
  return grpc::SslCredentials(tls);
}

std::shared_ptr<grpc::Channel> OpenUnixChannel(const std::string& endpoint) {
  return grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(),
                                   ReconnectArguments());
}

std::shared_ptr<grpc::Channel> OpenTlsChannel(
    const std::string& target, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
    const std::string& server_name) {
  grpc::ChannelArguments arguments = ReconnectArguments();
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(kPingInterval));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(kPingTimeout));
  // Without these gRPC stops after two pings, and sends one in five minutes at most.
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_MIN_SENT_PING_INTERVAL_WITHOUT_DATA_MS,
                   Milliseconds(kPingInterval));
  if (!server_name.empty()) arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, server_name);
  return grpc::CreateCustomChannel(target, credentials, arguments);
}

absl::StatusOr<AgentClient> Connect(const GlobalOptions& globals) {
  if (globals.calls_many()) {
    return absl::InvalidArgumentError(
        "this command works on one agent and does not take --all or --endpoints: name the agent "
        "with --endpoint");
  }
  if (IsUnixEndpoint(globals.endpoint)) {
    return AgentClient(globals.endpoint, globals.timeout, *globals.clock);
  }
  NL_ASSIGN_OR_RETURN(const auto credentials, ReadCredentials(globals.tls));
  return AgentClient(globals.endpoint,
                     OpenTlsChannel(globals.endpoint, credentials, globals.tls.server_name),
                     globals.timeout, *globals.clock);
}

}  // namespace numalocality::localityctl
