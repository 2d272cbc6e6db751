// The server of the plaintext port: /metrics for Prometheus, /healthz and /readyz for kubelet's
// probes. It implements the part of HTTP/1.1 (RFC 9112) that these need: GET and HEAD, one request
// per connection. prometheus-cpp would use civetweb, which Debian 12 builds without IPv6.
#ifndef NUMALOCALITY_AGENT_HTTP_HTTP_SERVER_H_
#define NUMALOCALITY_AGENT_HTTP_HTTP_SERVER_H_

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/http/connection.h"
#include "agent/os/base/file.h"
#include "agent/os/base/tcp_listener.h"

namespace numalocality {

// The functions that produce the pages. Called in the server's thread, which serves no other client
// during the call; never null.
struct HttpPages {
  std::function<std::string()> metrics;                 // text format 0.0.4
  std::function<absl::Status()> health;                 // OK while the agent does its work
  std::function<std::vector<std::string>()> not_ready;  // the reasons; empty: ready
};

// Serves from Start until its destruction, which waits for a page in production, but not for
// clients.
class HttpServer {
 public:
  // The time limit of one client.
  static constexpr absl::Duration kPatience = absl::Seconds(5);

  // `address`: as in HttpOptions, not empty. INVALID_ARGUMENT if it is not an address; other errors
  // say why the agent cannot listen on it.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& address,
                                                           HttpPages pages,
                                                           absl::Duration patience = kPatience);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // The port in use; for port 0, the free port that was chosen.
  int port() const { return listener_.port; }

 private:
  HttpServer(TcpListener listener, ScopedFd stop, HttpPages pages, absl::Duration patience);
  void Run();
  void Accept(std::list<Connection>& clients) const;

  const TcpListener listener_;
  const ScopedFd stop_;  // readable once the server must stop
  const HttpPages pages_;
  const absl::Duration patience_;
  std::thread thread_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_HTTP_HTTP_SERVER_H_
