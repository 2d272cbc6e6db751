// The parts of the self socket that need no socket of the agent: limits, and one connection.
#include "agent/rpc/self_limits.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/model/error_details.h"
#include "agent/rpc/self_connection.h"

namespace numalocality::self_limits_test {
namespace {

constexpr absl::Duration kStart = absl::Seconds(100);

TEST(UseBudgetTest, ComesBackWithTime) {
  UseBudget budget(2, absl::Seconds(10));
  EXPECT_TRUE(budget.IsFull(kStart));
  EXPECT_EQ(budget.Take(kStart), absl::ZeroDuration());
  EXPECT_EQ(budget.Take(kStart + absl::Seconds(1)), absl::ZeroDuration());
  EXPECT_EQ(budget.Take(kStart + absl::Seconds(2)), absl::Seconds(8));
  EXPECT_EQ(budget.Take(kStart + absl::Seconds(10)), absl::ZeroDuration());
  EXPECT_EQ(budget.Take(kStart + absl::Seconds(10)), absl::Seconds(10));
  EXPECT_FALSE(budget.IsFull(kStart + absl::Seconds(29)));
  EXPECT_TRUE(budget.IsFull(kStart + absl::Seconds(30)));
}

TEST(SelfLimitsTest, ConnectionsOfAPodAndOfAll) {
  SelfLimits limits;
  for (size_t i = 0; i < SelfLimits::kMostConnections; ++i) {
    const std::string pod = absl::StrCat("pod", i / SelfLimits::kMostOfAPod);
    ASSERT_TRUE(limits.Connect(pod, kStart).ok());
  }
  EXPECT_TRUE(absl::IsResourceExhausted(limits.Connect("pod0", kStart)));
  const absl::Status refused = limits.Connect("new", kStart);
  ASSERT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_EQ(DetailsOf(refused)->reason, ErrorReason::kTooManyCalls);
  EXPECT_TRUE(DetailsOf(refused)->retry_after.has_value());
  limits.Disconnect("pod0");
  EXPECT_TRUE(limits.Connect("new", kStart).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(limits.Connect("pod0", kStart)));
}

TEST(SelfLimitsTest, CallsOfAPod) {
  SelfLimits limits;
  const auto call = [&](absl::Duration now) {
    const absl::Status status = limits.Connect("pod", now);
    if (status.ok()) limits.Disconnect("pod");
    return status;
  };
  for (int i = 0; i < SelfLimits::kCallBurst; ++i) ASSERT_TRUE(call(kStart).ok());
  const absl::Status refused = call(kStart);
  ASSERT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_EQ(DetailsOf(refused)->retry_after, SelfLimits::kCallPeriod);
  EXPECT_TRUE(call(kStart + SelfLimits::kCallPeriod).ok());
}

TEST(SelfLimitsTest, CallsThatDoNotEndAndChanges) {
  SelfLimits limits;
  ASSERT_TRUE(limits.Connect("pod", kStart).ok());
  ASSERT_TRUE(limits.Connect("other", kStart).ok());
  for (int i = 0; i < SelfLimits::kMostCallsOfAPod; ++i) {
    ASSERT_TRUE(limits.Begin("pod", false, kStart).ok());
  }
  EXPECT_TRUE(absl::IsResourceExhausted(limits.Begin("pod", false, kStart)));
  for (int i = 0; i < SelfLimits::kChangeBurst; ++i) {
    ASSERT_TRUE(limits.Begin("other", true, kStart).ok());
    limits.End("other");
  }
  const absl::Status refused = limits.Begin("other", true, kStart);
  ASSERT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_EQ(DetailsOf(refused)->retry_after, SelfLimits::kChangePeriod);
  EXPECT_TRUE(limits.Begin("other", false, kStart).ok());
  limits.End("pod");
  EXPECT_TRUE(limits.Begin("pod", true, kStart).ok());
}

TEST(SelfLimitsTest, PodsThatStayAwayAreForgotten) {
  SelfLimits limits;
  absl::Duration now = kStart;
  for (int i = 0; i < 10000; ++i, now += absl::Seconds(1)) {
    const std::string pod = absl::StrCat("pod", i);
    ASSERT_TRUE(limits.Connect(pod, now).ok());
    limits.Disconnect(pod);
  }
  EXPECT_LE(limits.pod_count(), 2 * SelfLimits::kMostConnections);
}

class SelfConnectionTest : public ::testing::Test {
 protected:
  SelfConnectionTest() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    client_ = ScopedFd(ends[0]);
    connection_.emplace(ScopedFd(ends[1]), kStart);
  }
  void Send(const std::string& bytes) {
    EXPECT_EQ(send(client_.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
  }

  ScopedFd client_;
  std::optional<SelfConnection> connection_;
};

TEST_F(SelfConnectionTest, ReadsARequestInParts) {
  const std::string bytes("\0\0\0\3abc", 7);
  for (const char byte : bytes.substr(0, 6)) {
    EXPECT_EQ(connection_->Step(), std::nullopt);  // nothing to read
    Send(std::string(1, byte));
    EXPECT_EQ(connection_->Step(), std::nullopt);
    EXPECT_EQ(connection_->events(), POLLIN);
    EXPECT_EQ(connection_->end(), kStart + SelfConnection::kPatience) << "from the beginning";
  }
  Send("cd");  // what follows is ignored
  EXPECT_EQ(connection_->Step(), "abc");
  EXPECT_EQ(connection_->state(), SelfConnection::State::kCalling);
  EXPECT_EQ(connection_->end(), absl::InfiniteDuration());
}

TEST_F(SelfConnectionTest, SendsALargeResponseAsTheClientReads) {
  Send(std::string("\0\0\0\0", 4));
  while (connection_->state() == SelfConnection::State::kReading) connection_->Step();
  const std::string response(5'000'000, 'x');
  connection_->Answer(response, kStart + absl::Minutes(1));
  EXPECT_EQ(connection_->events(), POLLOUT);
  EXPECT_EQ(connection_->end(), kStart + absl::Minutes(1) + SelfConnection::kPatience);
  std::string received;
  while (connection_->state() == SelfConnection::State::kAnswering) {
    char buffer[65536];
    const ssize_t got = recv(client_.get(), buffer, sizeof(buffer), 0);
    if (got > 0) received.append(buffer, static_cast<size_t>(got));
    connection_->Step();
  }
  connection_.reset();
  char buffer[65536];
  for (ssize_t got = 0; (got = recv(client_.get(), buffer, sizeof(buffer), 0)) > 0;) {
    received.append(buffer, static_cast<size_t>(got));
  }
  EXPECT_EQ(received.size(), 4 + response.size());
}

TEST_F(SelfConnectionTest, EndsWithItsClient) {
  Send(std::string("\0\0\0\3ab", 6));
  client_.Reset();
  EXPECT_EQ(connection_->Step(), std::nullopt);
  EXPECT_EQ(connection_->Step(), std::nullopt);
  EXPECT_EQ(connection_->Step(), std::nullopt);
  EXPECT_EQ(connection_->state(), SelfConnection::State::kEnded);
}

}  // namespace
}  // namespace numalocality::self_limits_test
