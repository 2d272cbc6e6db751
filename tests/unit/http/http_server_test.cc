#include "agent/http/http_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace numalocality::http_server_test {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Who had to wait for another client would wait for this long, and the test would not end in time.
constexpr absl::Duration kPatience = absl::Hours(1);

class HttpServerTest : public testing::Test {
 protected:
  void Start(const std::string& address = "127.0.0.1:0", absl::Duration patience = kPatience) {
    auto server = HttpServer::Start(
        address,
        {[this] { return metrics_; }, [this] { return health_; }, [this] { return not_ready_; }},
        patience);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  ScopedFd Connect(int family = AF_INET) const {
    ScopedFd fd(socket(family, SOCK_STREAM, 0));
    sockaddr_in6 ipv6{};
    ipv6.sin6_family = AF_INET6;
    ipv6.sin6_port = htons(static_cast<uint16_t>(server_->port()));
    ipv6.sin6_addr = in6addr_loopback;
    sockaddr_in ipv4{};
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = ipv6.sin6_port;
    ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool is_ipv4 = family == AF_INET;
    const auto* address = is_ipv4 ? reinterpret_cast<const sockaddr*>(&ipv4)
                                  : reinterpret_cast<const sockaddr*>(&ipv6);
    EXPECT_EQ(connect(fd.get(), address, is_ipv4 ? sizeof(ipv4) : sizeof(ipv6)), 0);
    return fd;
  }

  static std::string ReadAll(const ScopedFd& fd) {
    std::string all;
    char buffer[4096];
    ssize_t got = 0;
    while ((got = recv(fd.get(), buffer, sizeof(buffer), 0)) > 0) {
      all.append(buffer, static_cast<size_t>(got));
    }
    EXPECT_EQ(got, 0) << "the connection was cut off";
    return all;
  }

  std::string Send(const std::string& request, int family = AF_INET) const {
    const ScopedFd fd = Connect(family);
    EXPECT_EQ(send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    return ReadAll(fd);
  }

  std::string Get(const std::string& path) const {
    return Send(absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: x\r\n\r\n"));
  }

  std::string metrics_ = "a 1\n";
  absl::Status health_;
  std::vector<std::string> not_ready_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, ServesMetrics) {
  Start();
  EXPECT_EQ(Get("/metrics"),
            "HTTP/1.1 200 OK\r\n"
            "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
            "Content-Length: 4\r\n"
            "Cache-Control: no-store\r\n"
            "Connection: close\r\n\r\n"
            "a 1\n");
  EXPECT_THAT(Get("/metrics?x=y"), EndsWith("\r\n\r\na 1\n"));
}

TEST_F(HttpServerTest, ServesLargePagesWhole) {
  metrics_ = std::string(5'000'000, 'm');
  Start();
  EXPECT_THAT(Get("/metrics").size(), testing::Gt(metrics_.size()));
}

TEST_F(HttpServerTest, ReportsHealth) {
  Start();
  EXPECT_THAT(Get("/healthz"), EndsWith("\r\n\r\nok\n"));
  health_ = absl::UnavailableError("the loop has not ticked for 2m");
  const std::string sick = Get("/healthz");
  EXPECT_THAT(sick, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(sick, EndsWith("\r\n\r\nthe loop has not ticked for 2m\n"));
}

TEST_F(HttpServerTest, ReportsReadinessAndWhyNot) {
  Start();
  EXPECT_THAT(Get("/readyz"), EndsWith("\r\n\r\nready\n"));
  not_ready_ = {"no report yet", "something else"};
  const std::string waiting = Get("/readyz");
  EXPECT_THAT(waiting, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(waiting, EndsWith("\r\n\r\nno report yet\nsomething else\n"));
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  Start();
  const std::string answer = Send("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 4\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, ServesNothingElse) {
  Start();
  for (const char* path : {"/", "/metrics/", "/../etc/passwd", "/metricsx"}) {
    EXPECT_THAT(Get(path), StartsWith("HTTP/1.1 404 Not Found\r\n")) << path;
  }
  const std::string post =
      Send("POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\n" + std::string(3, 'b'));
  EXPECT_THAT(post, StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_THAT(post, HasSubstr("\r\nAllow: GET, HEAD\r\n"));
  EXPECT_THAT(Send("hello\r\n\r\n"), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(Send("GET /" + std::string(100'000, 'x')), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Get("/metrics"), HasSubstr("a 1\n")) << "still there";
}

TEST_F(HttpServerTest, ServesIpv6AndWithItIpv4) {
  if (const ScopedFd probe(socket(AF_INET6, SOCK_STREAM, 0)); !probe.valid()) {
    GTEST_SKIP() << "this machine has no IPv6";
  }
  Start("[::]:0");
  EXPECT_THAT(Send("GET /healthz HTTP/1.1\r\n\r\n", AF_INET6), EndsWith("ok\n"));
  EXPECT_THAT(Get("/healthz"), EndsWith("ok\n"));
}

TEST_F(HttpServerTest, RefusesWhatItCannotListenAt) {
  Start();
  const HttpPages pages{[] { return ""; }, [] { return absl::OkStatus(); },
                        [] { return std::vector<std::string>(); }};
  const std::string taken = absl::StrCat("127.0.0.1:", server_->port());
  const auto second = HttpServer::Start(taken, pages);
  EXPECT_EQ(second.status().message(),
            absl::StrCat("metrics and health: listen at ", taken,
                         ": Address already in use; set another http.address in the "
                         "configuration"));
  for (const char* bad :
       {"", "localhost:1", "127.0.0.1", "127.0.0.1:80r", "127.0.0.1:1,127.0.0.1:2", "::1:80",
        "[::1]", "[127.0.0.1]:80", "1.2.3:80", "127.0.0.1:-1"}) {
    const auto refused = HttpServer::Start(bad, pages);
    EXPECT_TRUE(absl::IsInvalidArgument(refused.status())) << bad;
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr("is not an IP address")) << bad;
  }
  EXPECT_FALSE(HttpServer::Start("192.0.2.1:9464", pages).ok()) << "another machine's";
}

TEST_F(HttpServerTest, StopsAtOnceThoughClientsSayNothing) {
  Start();
  const ScopedFd first = Connect();
  const ScopedFd second = Connect();
  const ScopedFd third = Connect();
  absl::SleepFor(absl::Milliseconds(50));
  server_.reset();
}

TEST_F(HttpServerTest, SilentClientsKeepNobodyWaiting) {
  Start();
  std::vector<ScopedFd> silent;
  for (const int count : {1, 10, 100}) {
    while (silent.size() < static_cast<size_t>(count)) silent.push_back(Connect());
    absl::SleepFor(absl::Milliseconds(50));
    EXPECT_THAT(Get("/healthz"), EndsWith("ok\n"));
  }
}

TEST_F(HttpServerTest, ClientsThatDoNotReadKeepNobodyWaiting) {
  metrics_ = std::string(20'000'000, 'm');
  Start();
  std::vector<ScopedFd> slow;
  const std::string request = "GET /metrics HTTP/1.1\r\n\r\n";
  for (int i = 0; i < 3; ++i) {
    slow.push_back(Connect());
    send(slow.back().get(), request.data(), request.size(), MSG_NOSIGNAL);
  }
  absl::SleepFor(absl::Milliseconds(100));
  EXPECT_THAT(Get("/healthz"), EndsWith("ok\n"));
}

TEST_F(HttpServerTest, PatienceHasAnEnd) {
  Start("127.0.0.1:0", absl::Milliseconds(50));
  const ScopedFd silent = Connect();
  EXPECT_EQ(ReadAll(silent), "");
}

}  // namespace
}  // namespace numalocality::http_server_test
