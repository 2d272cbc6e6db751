// The repair loop while somebody sets the wall clock: the same decisions at the same monotonic
// times.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "agent/engine/repair/policy_loop.h"
#include "tests/unit/engine/repair/policy_loop_fixture.h"

namespace numalocality::policy_loop_clock_test {
namespace {

using ::testing::SizeIs;

// The parameter is the step of the wall clock.
class PolicyLoopClockTest : public PolicyLoopTest,
                            public ::testing::WithParamInterface<absl::Duration> {
 protected:
  // Steps the wall clock to and fro.
  void Step() {
    machine_.clock().StepWall(step_);
    step_ = -step_;
  }
  // The next step of the loop, the wall clock being set in between.
  void TickAfterStep(absl::Duration duration) {
    Step();
    TickLater(duration);
  }

 private:
  absl::Duration step_ = GetParam();
};

TEST_P(PolicyLoopClockTest, PeriodsAndNewContainers) {
  AddContainer('a', 10, "0-3");
  Tick();
  AddContainer('b', 20, "0-3");
  TickAfterStep(configuration_->period - absl::Seconds(1));
  EXPECT_THAT(board_.Latest()->workloads, SizeIs(1));
  TickAfterStep(absl::Seconds(1));
  EXPECT_THAT(board_.Latest()->workloads, SizeIs(2));
  AddContainer('c', 30, "0-3");
  CgroupNews news;
  news.tree_changed = true;
  Step();
  machine_.clock().Advance(PolicyLoop::kWalkInterval - absl::Milliseconds(1));
  loop_.Tick(news);
  EXPECT_THAT(board_.Latest()->workloads, SizeIs(2));
  TickAfterStep(absl::Milliseconds(1));
  EXPECT_THAT(board_.Latest()->workloads, SizeIs(3));
}

TEST_P(PolicyLoopClockTest, SettlingAndCooldown) {
  policy().settle = absl::Seconds(10);
  policy().cooldown = absl::Seconds(60);
  AddContainer('a', 10, "0-3");
  Tick();
  EXPECT_EQ(Reason('a'), "local");
  Step();
  Pin('a', 10, "4-7");
  EXPECT_EQ(Reason('a'), "settling");
  TickAfterStep(absl::Seconds(9));
  EXPECT_EQ(Reason('a'), "settling");
  TickAfterStep(absl::Seconds(1));
  EXPECT_EQ(Reason('a'), "remote");
  Step();
  Migrate();
  EXPECT_EQ(Reason('a'), "local");
  Pin('a', 10, "0-3");
  TickAfterStep(absl::Seconds(59));
  EXPECT_EQ(Reason('a'), "cooling_down");
  TickAfterStep(absl::Seconds(1));
  EXPECT_EQ(Reason('a'), "remote");
}

TEST_P(PolicyLoopClockTest, Refusals) {
  policy().stick = StickMode::kCpusetMems;  // without a runtime
  AddContainer('a', 10, "4-7");
  Tick();
  policy().stick = StickMode::kNone;
  TickAfterStep(RepairJobs::kRefusedFor - absl::Seconds(1));
  EXPECT_EQ(Reason('a'), "refused");
  TickAfterStep(absl::Seconds(1));
  EXPECT_EQ(Reason('a'), "remote");
}

TEST_P(PolicyLoopClockTest, Reservations) {
  AddContainer('a', 10, "4-7");
  ASSERT_TRUE(migrator_.reservations().Reserve({{Find('a')}, "", absl::Seconds(20)}).ok());
  TickAfterStep(absl::Seconds(19));
  EXPECT_EQ(Reason('a'), "reserved");
  TickAfterStep(absl::Seconds(1));
  EXPECT_EQ(Reason('a'), "remote");
}

TEST_P(PolicyLoopClockTest, NodesThatAreKeptClear) {
  AddContainer('a', 10, "0-3");
  MigrationRequest request;
  request.evacuation.emplace();
  request.evacuation->node = NodeId{0};
  request.evacuation->keep_clear = absl::Minutes(7);
  policy().cooldown = absl::Seconds(1);
  Tick();
  ASSERT_TRUE(migrator_.Submit(request).ok());
  Step();
  Migrate();
  TickAfterStep(absl::Minutes(6));
  EXPECT_EQ(Reason('a'), "node_cleared");
  TickAfterStep(absl::Minutes(1));
  EXPECT_EQ(Reason('a'), "remote");
}

INSTANTIATE_TEST_SUITE_P(, PolicyLoopClockTest, ::testing::Values(-absl::Hours(6), absl::Hours(6)),
                         [](const auto& test) {
                           return test.param < absl::ZeroDuration() ? "BackFirst" : "ForthFirst";
                         });

}  // namespace
}  // namespace numalocality::policy_loop_clock_test
