#include "agent/http/http_server.h"

#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "agent/base/clock.h"
#include "agent/base/status.h"
#include "agent/os/base/poll.h"

namespace numalocality {
namespace {

// Concurrent clients; one more disconnects the oldest. Prometheus and kubelet's probes need few.
constexpr size_t kMostClients = 32;
// The pause after accept failed because no file descriptor was free; it would fail again
// immediately.
constexpr absl::Duration kPause = absl::Milliseconds(100);

struct Page {
  int code;
  std::string body;
  absl::string_view type = "text/plain; charset=utf-8";
};

absl::string_view ReasonPhrase(int code) {
  switch (code) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    default: return "Service Unavailable";
  }
}

Page PageOf(absl::string_view path, const HttpPages& pages) {
  if (path == "/metrics") return {200, pages.metrics(), "text/plain; version=0.0.4; charset=utf-8"};
  if (path == "/healthz") {
    const absl::Status status = pages.health();
    if (status.ok()) return {200, "ok\n"};
    return {503, absl::StrCat(status.message(), "\n")};
  }
  if (path == "/readyz") {
    const std::vector<std::string> reasons = pages.not_ready();
    if (reasons.empty()) return {200, "ready\n"};
    return {503, absl::StrCat(absl::StrJoin(reasons, "\n"), "\n")};
  }
  return {404, "Not found. Available: /metrics /healthz /readyz\n"};
}

// The answer to a request that begins with `head`.
std::string AnswerTo(absl::string_view head, const HttpPages& pages) {
  const absl::string_view line = head.substr(0, head.find_first_of("\r\n"));
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');  // "GET /x?y HTTP/1.1"
  Page page;
  if (words.size() != 3 || words[2].substr(0, 7) != "HTTP/1.") {
    page = {400, "Not an HTTP/1 request.\n"};
  } else if (words[0] != "GET" && words[0] != "HEAD") {
    page = {405, "Only GET and HEAD are supported.\n"};
  } else {
    page = PageOf(words[1].substr(0, words[1].find('?')), pages);
  }
  return absl::StrCat("HTTP/1.1 ", page.code, " ", ReasonPhrase(page.code),
                      "\r\nContent-Type: ", page.type, "\r\nContent-Length: ", page.body.size(),
                      page.code == 405 ? "\r\nAllow: GET, HEAD" : "",
                      "\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
                      words[0] == "HEAD" ? "" : page.body);
}

absl::Duration Now() { return Clock::System().Monotonic(); }

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& address,
                                                              HttpPages pages,
                                                              absl::Duration patience) {
  const auto parsed = ParseHttpAddress(address);
  if (!parsed.ok()) return WithContext(parsed.status(), "http.address");
  auto listener = ListenTcp(*parsed);
  if (!listener.ok()) {
    return absl::Status(listener.status().code(),
                        absl::StrCat("metrics and health: ", listener.status().message(),
                                     "; set another http.address in the configuration"));
  }
  ScopedFd stop(eventfd(0, EFD_CLOEXEC));
  if (!stop.valid()) return ErrnoStatus(errno, "eventfd");
  std::unique_ptr<HttpServer> self(
      new HttpServer(*std::move(listener), std::move(stop), std::move(pages), patience));
  self->thread_ = std::thread([&server = *self] { server.Run(); });
  return self;
}

HttpServer::HttpServer(TcpListener listener, ScopedFd stop, HttpPages pages,
                       absl::Duration patience)
    : listener_(std::move(listener)),
      stop_(std::move(stop)),
      pages_(std::move(pages)),
      patience_(patience) {}

HttpServer::~HttpServer() {
  eventfd_write(stop_.get(), 1);
  if (thread_.joinable()) thread_.join();
}

void HttpServer::Run() {
  const auto answer = [this](absl::string_view head) { return AnswerTo(head, pages_); };
  std::list<Connection> clients;  // the oldest first, whose deadline is the earliest
  while (true) {
    std::vector<pollfd> polled = {{stop_.get(), POLLIN, 0}, {listener_.fd.get(), POLLIN, 0}};
    for (const Connection& client : clients) polled.push_back({client.fd(), client.events(), 0});
    Poll(polled, clients.empty() ? absl::InfiniteDuration() : clients.front().end() - Now());
    if (polled[0].revents != 0) return;
    const absl::Duration now = Now();
    auto ready = polled.begin() + 2;
    std::erase_if(clients, [&](Connection& client) {
      const bool is_ready = (ready++)->revents != 0;
      return now >= client.end() || (is_ready && !client.Step(answer));
    });
    if (polled[1].revents != 0) Accept(clients);
  }
}

void HttpServer::Accept(std::list<Connection>& clients) const {
  ScopedFd client(accept4(listener_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (client.valid()) {
    if (clients.size() == kMostClients) clients.pop_front();
    clients.emplace_back(std::move(client), Now() + patience_);
  } else if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
    std::vector<pollfd> stop = {{stop_.get(), POLLIN, 0}};
    Poll(stop, kPause);
  }
}

}  // namespace numalocality
