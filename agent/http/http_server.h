// The plaintext port: /metrics for Prometheus, /healthz and /readyz for kubelet's probes. As much
// of HTTP/1.1 (RFC 9112) as these need: GET and HEAD, one request a connection. Written here since
// Debian 12 builds civetweb, which prometheus-cpp would use, without IPv6.
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
#include "agent/http/connection.h"
#include "agent/os/base/file.h"
#include "agent/os/base/tcp_listener.h"

namespace numalocality {

// What the pages say. Called in the server's thread, which serves nobody meanwhile; never null.
struct HttpPages {
  std::function<std::string()> metrics;                 // text format 0.0.4
  std::function<absl::Status()> health;                 // whether the agent still does its work
  std::function<std::vector<std::string>()> not_ready;  // why not, one reason a line; none: ready
};

// Serves from Start until it is destroyed, which waits for pages being made, but for no client.
class HttpServer {
 public:
  // `address`: as in HttpOptions, not empty. INVALID_ARGUMENT if it is not an address, else why it
  // cannot be listened at.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& address,
                                                           HttpPages pages);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // That is served; for port 0, the one that was free.
  int port() const { return listener_.port; }

 private:
  HttpServer(TcpListener listener, ScopedFd stop, HttpPages pages);
  void Run();
  void Accept(std::list<Connection>& clients) const;

  const TcpListener listener_;
  const ScopedFd stop_;  // readable once the server is to end
  const HttpPages pages_;
  std::thread thread_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_HTTP_HTTP_SERVER_H_
