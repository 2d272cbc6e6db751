// The event stream of the container runtime.
#include "agent/runtime/cri_events.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "numalocality/runtime/v1/runtime.pb.h"
#include "tests/component/wait.h"
#include "tests/component/wire_server.h"
#include "tests/unit/fake/temp_tree.h"

namespace numalocality::cri_events_test {
namespace {

constexpr char kMethod[] = "/runtime.v1.RuntimeService/GetContainerEvents";

class CriEventsTest : public ::testing::Test {
 protected:
  // A runtime that sends events of these types and then keeps the stream open or closes it.
  std::unique_ptr<WireServer> Serve(const std::vector<int>& types, bool stays_open) {
    auto server = std::make_unique<WireServer>(socket_);
    WireAnswer answer;
    answer.stays_open = stays_open;
    for (const int type : types) {
      runtime::v1::ContainerEvent event;
      event.set_container_event_type(type);
      answer.messages.push_back(event.SerializeAsString());
    }
    server->Answer(kMethod, answer);
    return server;
  }

  TempTree tree_;
  const std::string socket_ = tree_.Path("cri.sock");
  std::atomic<int> events_ = 0;
};

TEST_F(CriEventsTest, ReportsOnlyStartsAndStops) {
  const auto server = Serve({0, 1, 2, 3, 1, 7}, true);
  const CriEvents events(socket_, [this] { ++events_; });
  EXPECT_TRUE(WaitUntil([&] { return events_ == 3; })) << events_;
  absl::SleepFor(absl::Milliseconds(100));
  EXPECT_EQ(events_, 3);
  EXPECT_EQ(server->Count(kMethod), 1);
}

TEST_F(CriEventsTest, ARuntimeThatComesBackIsHeardAgain) {
  const CriEvents events(socket_, [this] { ++events_; });
  auto server = Serve({1}, true);
  EXPECT_TRUE(WaitUntil([&] { return events_ == 1; }));
  server.reset();
  server = Serve({1}, true);
  EXPECT_TRUE(WaitUntil([&] { return events_ == 2; }));
}

TEST_F(CriEventsTest, ARuntimeWithoutEventsIsAskedOnce) {
  WireServer server(socket_);
  {
    const CriEvents events(socket_, [this] { ++events_; });
    EXPECT_TRUE(WaitUntil([&] { return server.Count(kMethod) == 1; }));
    absl::SleepFor(absl::Milliseconds(1500));
  }
  EXPECT_EQ(server.Count(kMethod), 1);
  EXPECT_EQ(events_, 0);
}

TEST_F(CriEventsTest, AreReceivedOnlyIfConfigured) {
  SourceOptions options;
  options.cri_socket = socket_;
  options.cri_events = false;
  EXPECT_EQ(MakeCriEvents(options, [this] { ++events_; }), nullptr);
  options.cri_events = true;
  const auto server = Serve({1}, true);
  const auto events = MakeCriEvents(options, [this] { ++events_; });
  EXPECT_TRUE(WaitUntil([&] { return events_ == 1; }));
  options.cri_socket = "";
  EXPECT_EQ(MakeCriEvents(options, [this] { ++events_; }), nullptr);
}

}  // namespace
}  // namespace numalocality::cri_events_test
