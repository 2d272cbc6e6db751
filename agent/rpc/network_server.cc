#include "agent/rpc/network_server.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <openssl/bio.h>
#include <openssl/conf.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/model/tls_certificate.h"
#include "agent/os/base/file.h"
#include "agent/rpc/grpc_log.h"

namespace numalocality {
namespace {

// kubelet takes a minute to update a changed Secret in the pod: checking more often gains nothing.
constexpr unsigned kRefreshSeconds = 10;
// A watch or a slow page scan occupies a thread.
constexpr int kMaxNetworkThreads = 32;
// For messages and unsent data of all connections together.
constexpr size_t kMaxMemoryBytes = size_t{64} << 20;

struct Setting {
  const char* name;
  int value;
};

constexpr int kSecondMs = 1000;
constexpr int kMinuteMs = 60 * kSecondMs;

constexpr Setting kSettings[] = {
    // A second agent at the same port fails, instead of getting every other connection.
    {GRPC_ARG_ALLOW_REUSEPORT, 0},
    // A client occupies a file descriptor before it has shown a certificate.
    {GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 10 * kSecondMs},
    // Certificates are checked only when a connection begins, so connections end after a while.
    {GRPC_ARG_MAX_CONNECTION_AGE_MS, 60 * kMinuteMs},
    {GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, 5 * kMinuteMs},
    {GRPC_ARG_MAX_CONNECTION_IDLE_MS, 10 * kMinuteMs},
    // Detects clients that disappeared during a watch.
    {GRPC_ARG_KEEPALIVE_TIME_MS, kMinuteMs},
    {GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20 * kSecondMs},
    // Clients may send keepalive pings, too, but not more often.
    {GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 20 * kSecondMs},
    {GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1},
    // One client cannot occupy all threads.
    {GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxNetworkThreads / 2}};

absl::Status WrongFile(const char* key, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat("network API: grpc.", key, ": ", why,
                                                    "; replace the file (in Kubernetes, "
                                                    "the Secret)"));
}

// `status` describes the content of the file.
absl::Status WrongContent(const char* key, const std::string& path, const absl::Status& status) {
  return WrongFile(key, absl::StrCat(path, " ", status.message()));
}

absl::StatusOr<std::string> ReadTlsFile(const char* key, const std::string& path) {
  auto text = ReadFile(path);
  if (!text.ok()) return WrongFile(key, text.status().message());
  return text;
}

// gRPC also allows TLS 1.2, and this version has no option against it. OpenSSL's own configuration
// has one, which applies to all later connections of the process.
absl::Status AllowTls13Only() {
  constexpr char kConfiguration[] =
      "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = default\n"
      "[default]\nProtocol = -ALL,TLSv1.3\n";
  OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, nullptr);  // the system's configuration, before ours
  const std::unique_ptr<CONF, decltype(&NCONF_free)> configuration(NCONF_new(nullptr), NCONF_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new_mem_buf(kConfiguration, -1),
                                                       BIO_free);
  if (NCONF_load_bio(configuration.get(), text.get(), nullptr) == 1 &&
      CONF_modules_load(configuration.get(), nullptr, 0) == 1) {
    return absl::OkStatus();
  }
  return absl::InternalError(
      "network API: OpenSSL does not accept a configuration for TLS 1.3 only");
}

std::shared_ptr<grpc::ServerCredentials> MakeCredentials(const GrpcOptions& options) {
  grpc::experimental::TlsServerCredentialsOptions tls(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
          options.key_file, options.cert_file, options.client_ca_file, kRefreshSeconds));
  tls.watch_root_certs();
  tls.watch_identity_key_cert_pairs();
  tls.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  return grpc::experimental::TlsServerCredentials(tls);
}

// When the certificates in the files expire.
struct Ends {
  absl::Time certificate;
  absl::Time client_ca;
};

absl::StatusOr<Ends> ReadEnds(const GrpcOptions& options) {
  NL_ASSIGN_OR_RETURN(const std::string certificate, ReadTlsFile("certFile", options.cert_file));
  NL_ASSIGN_OR_RETURN(const std::string key, ReadTlsFile("keyFile", options.key_file));
  NL_ASSIGN_OR_RETURN(const std::string ca, ReadTlsFile("clientCaFile", options.client_ca_file));
  const auto end = FirstExpiry(certificate);
  if (!end.ok()) return WrongContent("certFile", options.cert_file, end.status());
  const absl::Status matches = CheckPrivateKey(key, certificate);
  if (!matches.ok()) return WrongContent("keyFile", options.key_file, matches);
  const auto ca_end = LastExpiry(ca);
  if (!ca_end.ok()) return WrongContent("clientCaFile", options.client_ca_file, ca_end.status());
  return Ends{*end, *ca_end};
}

absl::Status HasEnded(const char* key, const std::string& path, absl::Time end,
                      absl::string_view so) {
  return absl::FailedPreconditionError(absl::StrCat(
      "network API: grpc.", key, ": ", path, " contains a certificate that expired at ",
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", end, absl::UTCTimeZone()), ", ", so, "; renew it"));
}

}  // namespace

absl::StatusOr<absl::Time> TlsFilesExpiry(const GrpcOptions& options) {
  NL_ASSIGN_OR_RETURN(const Ends ends, ReadEnds(options));
  return std::min(ends.certificate, ends.client_ca);
}

absl::Status CheckTlsFiles(const GrpcOptions& options) {
  NL_ASSIGN_OR_RETURN(const Ends ends, ReadEnds(options));
  const absl::Time now = absl::Now();
  if (ends.certificate <= now) {
    return HasEnded("certFile", options.cert_file, ends.certificate, "so clients do not connect");
  }
  if (ends.client_ca <= now) {
    return HasEnded("clientCaFile", options.client_ca_file, ends.client_ca,
                    "so the agent accepts no client");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<grpc::Server>> StartNetworkServer(
    const GrpcOptions& options, const std::vector<grpc::Service*>& services, int max_request_bytes,
    int& port) {
  // Not fatal: the files may be corrected later, without a restart.
  if (const absl::Status now = CheckTlsFiles(options); !now.ok()) LogError(now.message());
  NL_RETURN_IF_ERROR(AllowTls13Only());
  TakeOverGrpcLog();
  grpc::ServerBuilder builder;
  for (const Setting& setting : kSettings) builder.AddChannelArgument(setting.name, setting.value);
  grpc::ResourceQuota quota;
  quota.SetMaxThreads(kMaxNetworkThreads).Resize(kMaxMemoryBytes);
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(max_request_bytes);
  builder.AddListeningPort(options.address, MakeCredentials(options), &port);
  for (grpc::Service* const service : services) builder.RegisterService(service);
  auto server = builder.BuildAndStart();
  if (server != nullptr && port != 0) return server;
  return absl::UnavailableError(absl::StrCat(
      "network API: gRPC cannot listen at ", options.address,
      "; check whether the port is in use, or set another grpc.address in the configuration"));
}

}  // namespace numalocality
