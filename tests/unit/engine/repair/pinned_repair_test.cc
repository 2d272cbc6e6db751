// Repairs of a workload whose memory a device has pinned: what one has tried in vain, the next one
// leaves alone, and what a repair costs when it tries again after all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/unit/engine/repair/policy_loop_fixture.h"

namespace numalocality::pinned_repair_test {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class PinnedRepairTest : public PolicyLoopTest {
 protected:
  static constexpr int kWindow = 4096;  // pages
  static constexpr int kMostCalls = 100;

  PinnedRepairTest() {
    policy().cooldown = absl::Minutes(5);
    process_ = AddContainer('a', 10, "4-7");
    process_->AddPages(0x40000000, 8 * kWindow, 0);
    for (auto& [address, folio] : process_->pages) folio->pinned = true;
    Show();
    Tick();
    Migrate();
  }

  void Show() {
    machine_.Publish(*process_);
    ShowAll();
  }
  int Calls() { return machine_.kernel().CallCount(FakeCall::kMove); }
  void StepMinutes(int minutes) {
    for (int i = 0; i < minutes; ++i) {
      TickLater(absl::Minutes(1));
      Migrate();
    }
  }

  std::shared_ptr<FakeProcess> process_;
};

TEST_F(PinnedRepairTest, TheNextRepairDoesNotTryItAgain) {
  ASSERT_THAT(Migrations(), SizeIs(1));
  EXPECT_EQ(Migrations()[0].state, MigrationState::kFailed);
  EXPECT_EQ(Migrations()[0].workloads[0].outcomes[PageOutcome::kPinned], process_->PagesOn(0));
  EXPECT_LE(Calls(), kMostCalls);
  EXPECT_EQ(Reason('a'), "gave_up");
  EXPECT_THAT(DecisionOn('a').message, HasSubstr("could not be moved"));
  // The doubled cool-down is 10 minutes, and after two of them it is forgiven.
  const int first = Calls();
  StepMinutes(20);
  EXPECT_EQ(Reason('a'), "gave_up");
  EXPECT_THAT(Migrations(), SizeIs(1));
  EXPECT_EQ(Calls(), first);
  // The device may have gone: another attempt, for as few calls.
  StepMinutes(1);
  EXPECT_THAT(Migrations(), SizeIs(2));
  EXPECT_LE(Calls() - first, kMostCalls);
  // The next one comes later still.
  const int second = Calls();
  StepMinutes(39);
  EXPECT_EQ(Reason('a'), "gave_up");
  EXPECT_THAT(Migrations(), SizeIs(2));
  EXPECT_EQ(Calls(), second);
}

TEST_F(PinnedRepairTest, WhatIsNewBesideItIsRepaired) {
  const int first = Calls();
  process_->AddPages(0x80000000, 2000, 0);
  Show();
  StepMinutes(9);
  EXPECT_EQ(Reason('a'), "cooling_down");
  StepMinutes(1);
  ASSERT_THAT(Migrations(), SizeIs(2));
  EXPECT_EQ(process_->PagesOn(1), 2000);
  EXPECT_LE(Calls() - first, kMostCalls);
  const int second = Calls();
  StepMinutes(4);
  EXPECT_EQ(Reason('a'), "gave_up");
  EXPECT_EQ(Calls(), second);
}

}  // namespace
}  // namespace numalocality::pinned_repair_test
