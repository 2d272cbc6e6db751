// What holds a repair back although memory is remote: too little room, and memory pressure.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/engine/repair/policy_loop_fixture.h"

namespace numalocality::policy_loop_room_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(PolicyLoopTest, WithoutRoomItWaitsForSome) {
  const auto process = AddContainer('a', 10, "4-7");
  machine_.SetFreePages(1, 1311 + 15);  // less than is worth a repair
  Tick();
  EXPECT_EQ(Reason('a'), "no_room");
  TickLater(absl::Seconds(30));
  EXPECT_EQ(Reason('a'), "no_room");
  EXPECT_THAT(Migrations(), IsEmpty());
  machine_.SetFreePages(1, 60000);
  TickLater(absl::Seconds(30));
  Migrate();
  EXPECT_GE(process->PagesOn(1), kPages * 95 / 100);
}

TEST_F(PolicyLoopTest, WhatFitsMovesAndTheRestOnceThereIsRoom) {
  configuration_->policies[0].cooldown = absl::Seconds(20);
  const auto process = AddContainer('a', 10, "4-7");
  machine_.SetFreePages(1, 1311 + 600);
  Tick();
  EXPECT_THAT(DecisionOn('a').message, HasSubstr("more once there is room"));
  Migrate();
  EXPECT_NEAR(process->PagesOn(1), 600, 1);
  ASSERT_THAT(Migrations(), SizeIs(1));
  EXPECT_EQ(ApiNameOf(Migrations()[0].state), "PARTIAL");
  EXPECT_EQ(ApiNameOf(Migrations()[0].reason), "NO_ROOM");
  EXPECT_GT(Migrations()[0].estimate->no_room_bytes, 300 * kPage);
  TickLater(absl::Seconds(30));
  EXPECT_EQ(Reason('a'), "no_room");
  EXPECT_THAT(Migrations(), SizeIs(1));
  machine_.SetFreePages(1, 60000);
  TickLater(absl::Seconds(30));
  Migrate();
  EXPECT_GE(process->PagesOn(1), kPages * 95 / 100);
}

TEST_F(PolicyLoopTest, RoomIsNotPromisedTwice) {
  configuration_->limits.concurrent_migrations = 4;
  AddContainer('a', 10, "4-7");
  AddContainer('b', 20, "4-7");
  machine_.SetFreePages(1, 1311 + 940);
  Tick();
  EXPECT_EQ(Reason('a'), "remote");
  EXPECT_EQ(Reason('b'), "no_room");
  // The room that the first repair has claimed is gone, although the last report still shows it.
  machine_.SetFreePages(1, 1311 + 500);
  Migrate();
  EXPECT_EQ(Reason('b'), "no_room");
  EXPECT_THAT(Migrations(), SizeIs(1));
}

TEST_F(PolicyLoopTest, NoRepairStartsWhileItsPodIsUnderPressure) {
  AddContainer('a', 10, "4-7");
  const auto write = [this](const std::string& percent) {
    machine_.WriteCgroupFile(Path('a'), "memory.pressure",
                             "some avg10=" + percent + " avg60=0.00 avg300=0.00 total=1\n" +
                                 "full avg10=0.00 avg60=0.00 avg300=0.00 total=1\n");
  };
  write("40.00");
  Tick();
  EXPECT_EQ(Reason('a'), "under_pressure");
  EXPECT_THAT(Migrations(), SizeIs(0));
  write("5.00");
  TickLater(absl::Seconds(10));
  EXPECT_EQ(Reason('a'), "remote");
  EXPECT_THAT(Migrations(), SizeIs(1));
}

// It is looked at again when the repair is to begin.
TEST_F(PolicyLoopTest, AQueuedRepairDoesNotBeginUnderPressureAndIsQueuedAgain) {
  const auto process = AddContainer('a', 10, "4-7");
  const auto write = [this](const std::string& percent) {
    machine_.WriteCgroupFile(Path('a'), "memory.pressure",
                             "some avg10=" + percent + " avg60=0.00 avg300=0.00 total=1\n" +
                                 "full avg10=0.00 avg60=0.00 avg300=0.00 total=1\n");
  };
  write("5.00");
  Tick();
  ASSERT_THAT(Migrations(), SizeIs(1));
  write("40.00");
  Migrate();
  ASSERT_THAT(Migrations(), SizeIs(1));
  EXPECT_EQ(Migrations()[0].state, MigrationState::kFailed);
  EXPECT_EQ(Migrations()[0].reason, MigrationReason::kUnderPressure);
  EXPECT_THAT(Migrations()[0].message, HasSubstr("40% of its time to memory pressure"));
  EXPECT_EQ(process->PagesOn(0), kPages);
  EXPECT_EQ(Reason('a'), "under_pressure");
  write("5.00");
  TickLater(kPressureSpan);
  EXPECT_EQ(Reason('a'), "remote") << "no cool-down";
  Migrate();
  EXPECT_EQ(Migrations().back().state, MigrationState::kSucceeded);
  EXPECT_EQ(process->PagesOn(0), 0);
}

}  // namespace
}  // namespace numalocality::policy_loop_room_test
