// How numa-migrate ends when it is told to, at any time, and what it says of calls that the kernel
// does not return from.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "agent/cli/numa_migrate/commands.h"
#include "agent/cli/numa_migrate/end_signal.h"
#include "agent/os/base/file.h"
#include "tests/unit/cli/numa_migrate/numa_migrate_fixture.h"

namespace numalocality::numa_migrate::numa_migrate_signals_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

TEST_F(NumaMigrateTest, SignalsEndItAfterTheBatchWithTheExactResult) {
  std::signal(SIGHUP, SIG_DFL);  // whoever runs the tests may have it ignored
  for (const auto& [signal, expected] :
       {std::pair(SIGINT, 130), std::pair(SIGTERM, 143), std::pair(SIGHUP, 129)}) {
    FakeMachine machine;
    const auto process = machine.AddProcess(kPid);
    process->AddPages(kStart, 1000, 0);
    machine.Publish(*process);
    // The signal comes while the kernel has the first batch.
    machine.kernel().OnMoved([signal = signal](const auto&) { std::raise(signal); });
    testing::internal::CaptureStdout();
    const auto exit_code = Migrate(machine.context(), options_);
    const std::string printed = testing::internal::GetCapturedStdout();
    ASSERT_TRUE(exit_code.ok()) << exit_code.status();
    EXPECT_EQ(*exit_code, expected);
    const int64_t moved = process->PagesOn(1);
    EXPECT_GT(moved, 0);
    EXPECT_LT(moved, 1000);
    EXPECT_THAT(printed, HasSubstr("Pages examined: 1000\nMoved: " + std::to_string(moved) + "\n"));
    EXPECT_THAT(printed, HasSubstr("not attempted: " + std::to_string(1000 - moved)));
  }
}

TEST_F(NumaMigrateTest, ASignalBeforeTheRunLeavesEverythingAsItIs) {
  machine_.kernel().RunAt(FakeCall::kQuery, 1, [] { std::raise(SIGINT); });
  options_.part.first_bytes = 100 * kFakePage;
  options_.pin_threads = true;
  EXPECT_EQ(*Do(Migrate), kExitInterrupted);
  EXPECT_THAT(printed_, HasSubstr("Pages examined: 0\nMoved: 0\n"));
  EXPECT_EQ(machine_.kernel().CallCount(FakeCall::kSetThreadCpus), 0);
  EXPECT_EQ(machine_.kernel().CallCount(FakeCall::kMove), 0);
}

// Whatever scan it comes in.
TEST_F(NumaMigrateTest, ASignalEndsADryRunAndANumaMapsCheck) {
  options_.part.first_bytes = 100 * kFakePage;
  options_.verify = true;
  for (const bool dry_run : {true, false}) {
    options_.dry_run = dry_run;
    int queries = 1;  // until one run has shown how many there are
    for (int number = 0; number <= queries; ++number) {
      FakeMachine machine;
      const auto process = machine.AddProcess(kPid);
      process->AddPages(kStart, 1000, 0);
      machine.Publish(*process);
      machine.tree().Write("proc/7/numa_maps", "");
      machine.kernel().RunAt(FakeCall::kQuery, number, [] { std::raise(SIGINT); });
      testing::internal::CaptureStdout();
      const auto exit_code = Migrate(machine.context(), options_);
      const std::string printed = testing::internal::GetCapturedStdout();
      if (number == 0) {
        queries = machine.kernel().CallCount(FakeCall::kQuery);
        ASSERT_GE(queries, 4);
        EXPECT_THAT(printed, HasSubstr(dry_run ? "Would move: 100" : "numa_maps: "));
      } else {
        EXPECT_EQ(*exit_code, kExitInterrupted) << number << " of " << queries;
        EXPECT_THAT(printed, Not(HasSubstr("Would move")));
        EXPECT_THAT(printed, Not(HasSubstr("numa_maps: ")));
      }
    }
  }
}

TEST_F(NumaMigrateTest, HangUpStaysIgnoredUnderNohup) {
  std::signal(SIGHUP, SIG_IGN);
  machine_.kernel().RunAt(FakeCall::kMove, 1, [] { std::raise(SIGHUP); });
  EXPECT_EQ(*Do(Migrate), kExitSuccess);
  std::signal(SIGHUP, SIG_DFL);
}

// The kernel has the first batch for longer than it should, and Ctrl-C comes twice.
void InterruptTwiceInAHeldCall(FakeMachine& machine) {
  machine.clock().Advance(absl::Seconds(6));
  for (int count = 1; count <= 2; ++count) {
    kill(getpid(), SIGINT);
    while (EndSignalCount() < count) absl::SleepFor(absl::Milliseconds(1));
  }
  absl::SleepFor(absl::Seconds(60));  // "for ever"
}

TEST_F(NumaMigrateTest, ASecondSignalDoesNotWaitForACallThatTheKernelHolds) {
  machine_.tree().Write(kBalancing, "1\n");
  options_.balancing_off = true;
  machine_.kernel().RunAt(FakeCall::kMove, 1, [this] {
    if (*ReadFile(machine_.tree().Path(kBalancing)) == "0\n") InterruptTwiceInAHeldCall(machine_);
  });
  EXPECT_EXIT(Migrate(machine_.context(), options_).IgnoreError(), testing::ExitedWithCode(130),
              "Note: the kernel has held move_pages of [0-9]+ pages of process 7 since .*"
              "Note: given up");
  EXPECT_EQ(*ReadFile(machine_.tree().Path(kBalancing)), "1\n");
}

TEST_F(NumaMigrateTest, ACallThatTheKernelHoldsIsToldOfOnce) {
  machine_.kernel().RunAt(FakeCall::kMove, 1, [this] {
    machine_.clock().Advance(absl::Seconds(6));
    absl::SleepFor(absl::Seconds(1));  // several looks
  });
  testing::internal::CaptureStderr();
  EXPECT_EQ(*Do(Migrate), kExitSuccess);
  const std::vector<std::string> parts =
      absl::StrSplit(testing::internal::GetCapturedStderr(), "the kernel has held move_pages of ");
  EXPECT_THAT(parts, SizeIs(2));
}

}  // namespace
}  // namespace numalocality::numa_migrate::numa_migrate_signals_test
