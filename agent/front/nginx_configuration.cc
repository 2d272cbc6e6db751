#include "agent/front/nginx_configuration.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "agent/base/status.h"
#include "agent/model/configuration.h"

namespace numalocality {
namespace {

// "@NAME@" is replaced.
constexpr char kMain[] = R"(# Written by numa-locality-front at each load. Changes are lost.
daemon off;
worker_processes 1;
worker_rlimit_nofile @DESCRIPTORS@;
# Afterwards the connections of a worker that a reload has replaced end, also those of clients whose
# certificates are no longer accepted.
worker_shutdown_timeout @SHUTDOWN_TIMEOUT@;
pid @WORK_DIR@/nginx.pid;
# numa-locality-front passes on what matters.
error_log stderr info;
events {
  worker_connections @CONNECTIONS@;
}
http {
  access_log off;
  server_tokens off;
  client_body_temp_path @WORK_DIR@/body;
  proxy_temp_path @WORK_DIR@/proxy;
  fastcgi_temp_path @WORK_DIR@/fastcgi;
  uwsgi_temp_path @WORK_DIR@/uwsgi;
  scgi_temp_path @WORK_DIR@/scgi;
  limit_conn_zone $binary_remote_addr zone=addresses:1m;
  limit_conn_zone $ssl_client_fingerprint zone=clients:1m;
  limit_req_zone $ssl_client_fingerprint zone=calls:1m rate=@CALLS_PER_SECOND@r/s;

  server {
    # Finds clients that have disappeared during a watch.
    listen @LISTEN@ ssl http2 so_keepalive=60s:20s:3;

    ssl_protocols TLSv1.3;
    ssl_certificate @CERTIFICATE@;
    ssl_certificate_key @KEY@;
    ssl_client_certificate @CLIENT_CA@;
    @REVOCATIONS@
    ssl_verify_client on;
    ssl_verify_depth 4;
    # A resumed session would not be checked against a new list of revoked certificates.
    ssl_session_cache off;
    ssl_session_tickets off;

    # Also of a TLS handshake, in which a connection keeps its place.
    client_header_timeout 5s;
    client_max_body_size 256k;
    # At most 32 KiB of headers, fewer than the agent takes.
    large_client_header_buffers 4 8k;
    keepalive_timeout 10m;
    keepalive_time 1h;
    # A client that makes and cancels calls without end must connect again (CVE-2023-44487).
    keepalive_requests 1000;

    limit_conn addresses @CALLS_PER_ADDRESS@;
    limit_conn clients @CALLS_PER_CLIENT@;
    limit_req zone=calls burst=@CALLS_PER_SECOND@ nodelay;
    limit_conn_status 429;
    limit_conn_log_level info;
    limit_req_status 429;
    limit_req_log_level info;

    # gRPC clients make UNAUTHENTICATED of 401, and UNAVAILABLE of 429 and 503. nginx cannot send what
    # gRPC calls a status.
    error_page 495 496 = @unauthenticated;
    error_page 429 = @busy;
    error_page 500 502 503 504 = @unavailable;
    default_type application/grpc;
    location @unauthenticated {
      return 401 "client certificate missing or refused\n";
    }
    location @busy {
      return 429 "too many calls of this client\n";
    }
    location @unavailable {
      return 503 "the agent does not answer\n";
    }
    location / {
      grpc_pass grpc://unix:@AGENT_SOCKET@;
      # Replaces what the client sends under this name.
      grpc_set_header x-client-certificate $ssl_client_escaped_cert;
      grpc_connect_timeout 5s;
      # A call ends after 10 minutes, and a quiet watch sends a heartbeat after 30 s.
      grpc_read_timeout 15m;
      grpc_send_timeout 15m;
      grpc_next_upstream off;
      # Errors with details are headers.
      grpc_buffer_size 16k;
    }
  }
@HTTP@}
)";

constexpr char kHttp[] = R"(
  server {
    listen @HTTP_LISTEN@;
    default_type text/plain;
    location = /healthz {
      return 200 "ok\n";
    }
    location = /metrics {
      return 200 "# HELP numa_locality_api_certificate_expiry_timestamp_seconds When the first certificate of the network API expires.\n# TYPE numa_locality_api_certificate_expiry_timestamp_seconds gauge\nnuma_locality_api_certificate_expiry_timestamp_seconds @EXPIRY@\n";
    }
    location / {
      return 404;
    }
  }
)";

std::string Listen(const std::string& text, bool has_ipv6) {
  HttpAddress address = ParseHttpAddress(text).value();  // CheckFrontOptions has parsed it
  if (address.ip != "::") return address.ToString();
  if (has_ipv6) return absl::StrCat(address.ToString(), " ipv6only=off");
  return HttpAddress{"0.0.0.0", false, address.port}.ToString();
}

absl::Status CheckPath(absl::string_view flag, absl::string_view path) {
  const bool is_plain = std::all_of(path.begin(), path.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::StrContains("/._-+@", absl::string_view(&c, 1));
  });
  if (is_plain && absl::StartsWith(path, "/")) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(flag, ": '", path,
                   "' must be a path that begins with '/', of letters, digits and / . _ - + @"));
}

}  // namespace

absl::Status CheckFrontOptions(const FrontOptions& options) {
  for (const auto& [flag, path] : {std::pair("--agent-socket", &options.agent_socket),
                                   {"--cert", &options.certificate},
                                   {"--key", &options.key},
                                   {"--client-ca", &options.client_ca},
                                   {"--work-dir", &options.work_dir}}) {
    NL_RETURN_IF_ERROR(CheckPath(flag, *path));
  }
  if (!options.revocations.empty()) NL_RETURN_IF_ERROR(CheckPath("--crl", options.revocations));
  NL_RETURN_IF_ERROR(ParseHttpAddress(options.address).status());
  return options.http_address.empty() ? absl::OkStatus()
                                      : ParseHttpAddress(options.http_address).status();
}

std::string NginxConfiguration(const FrontOptions& options, bool has_ipv6, absl::Time expiry) {
  const std::string http =
      options.http_address.empty()
          ? ""
          : absl::StrReplaceAll(kHttp, {{"@HTTP_LISTEN@", Listen(options.http_address, has_ipv6)},
                                        {"@EXPIRY@", absl::StrCat(absl::ToUnixSeconds(expiry))}});
  // Beside its connections, nginx has some files, listening sockets and pipes.
  constexpr int kOtherDescriptors = 64;
  return absl::StrReplaceAll(
      kMain, {{"@SHUTDOWN_TIMEOUT@", absl::StrCat(options.shutdown_seconds, "s")},
              {"@DESCRIPTORS@", absl::StrCat(options.connections + kOtherDescriptors)},
              {"@CONNECTIONS@", absl::StrCat(options.connections)},
              {"@WORK_DIR@", options.work_dir},
              {"@CALLS_PER_SECOND@", absl::StrCat(options.calls_per_second)},
              {"@CALLS_PER_ADDRESS@", absl::StrCat(options.calls_per_address)},
              {"@CALLS_PER_CLIENT@", absl::StrCat(options.calls_per_client)},
              {"@LISTEN@", Listen(options.address, has_ipv6)},
              {"@CERTIFICATE@", options.certificate},
              {"@KEY@", options.key},
              {"@CLIENT_CA@", options.client_ca},
              {"@REVOCATIONS@", options.revocations.empty()
                                    ? "# Without a list, no certificate is revoked."
                                    : absl::StrCat("ssl_crl ", options.revocations, ";")},
              {"@AGENT_SOCKET@", options.agent_socket},
              {"@HTTP@", http}});
}

}  // namespace numalocality
