// numa-migrate when signals come, kernel calls stall, and kernel calls fail.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "agent/cli/exit_code.h"
#include "agent/cli/numa_migrate/commands.h"
#include "agent/cli/numa_migrate/end_signal.h"
#include "agent/os/base/file.h"
#include "tests/unit/cli/numa_migrate/numa_migrate_fixture.h"

namespace numalocality::numa_migrate::numa_migrate_faults_test {
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
    // The signal comes during the kernel call for the first batch.
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

// The signal may come in any of the scans.
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

// The kernel call for the first batch stalls, and Ctrl-C comes twice.
void InterruptTwiceInAStalledCall(FakeMachine& machine) {
  machine.clock().Advance(absl::Seconds(6));
  for (int count = 1; count <= 2; ++count) {
    kill(getpid(), SIGINT);
    while (EndSignalCount() < count) absl::SleepFor(absl::Milliseconds(1));
  }
  absl::SleepFor(absl::Seconds(60));  // "for ever"
}

TEST_F(NumaMigrateTest, ASecondSignalDoesNotWaitForAStalledCall) {
  machine_.tree().Write(kBalancing, "1\n");
  options_.balancing_off = true;
  machine_.kernel().RunAt(FakeCall::kMove, 1, [this] {
    if (*ReadFile(machine_.tree().Path(kBalancing)) == "0\n")
      InterruptTwiceInAStalledCall(machine_);
  });
  EXPECT_EXIT(Migrate(machine_.context(), options_).IgnoreError(), testing::ExitedWithCode(130),
              "Note: move_pages of [0-9]+ pages of process 7 has not returned since .*"
              "Note: a kernel call is stalled");
  EXPECT_EQ(*ReadFile(machine_.tree().Path(kBalancing)), "1\n");
}

TEST_F(NumaMigrateTest, AStalledCallIsReportedOnce) {
  machine_.kernel().RunAt(FakeCall::kMove, 1, [this] {
    machine_.clock().Advance(absl::Seconds(6));
    absl::SleepFor(absl::Seconds(1));  // several checks
  });
  testing::internal::CaptureStderr();
  EXPECT_EQ(*Do(Migrate), kExitSuccess);
  const std::vector<std::string> parts =
      absl::StrSplit(testing::internal::GetCapturedStderr(), " has not returned since ");
  EXPECT_THAT(parts, SizeIs(2));
}

constexpr pid_t kThread = 8;

// numa-migrate of a process of two threads, with --pin-threads.
class SweptCommand {
 public:
  SweptCommand() {
    process_->AddPages(kStart, 300, 0);
    process_->threads[kThread] = CpuSet::Parse("0-7").value();
    machine_.Publish(*process_);
  }

  FakeKernel& kernel() { return machine_.kernel(); }
  const FakeProcess& process() const { return *process_; }
  bool IsPinned() const {
    return std::all_of(process_->threads.begin(), process_->threads.end(), [](const auto& thread) {
      return thread.second == CpuSet::Parse("4-7").value();
    });
  }

  absl::StatusOr<ExitCode> Run() {
    Options options;
    options.pid = kPid;
    options.spec.target_nodes = {NodeId{1}};
    options.pin_threads = true;
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    auto exit_code = Migrate(machine_.context(), options);
    printed = testing::internal::GetCapturedStdout();
    testing::internal::GetCapturedStderr();
    return exit_code;
  }

  std::string printed;

 private:
  FakeMachine machine_;
  std::shared_ptr<FakeProcess> process_ = machine_.AddProcess(kPid);
};

void CheckFigures(const SweptCommand& command) {
  int examined = 0;
  int moved = 0;
  int unchanged = 0;
  int busy = 0;
  int failed = 0;
  ASSERT_EQ(std::sscanf(command.printed.c_str(),
                        "Pages examined: %d\nMoved: %d\nUnchanged: %d\nBusy: %d\nFailed: %d\n",
                        &examined, &moved, &unchanged, &busy, &failed),
            5)
      << command.printed;
  EXPECT_EQ(examined, moved + unchanged + busy + failed) << command.printed;
  EXPECT_LE(moved, command.process().PagesOn(1));
}

TEST(NumaMigrateSweepTest, EveryErrnoAtEveryCall) {
  SweptCommand undisturbed;
  ASSERT_EQ(*undisturbed.Run(), kExitSuccess);
  EXPECT_EQ(undisturbed.kernel().CallCount(FakeCall::kSetThreadCpus), 2);
  for (int number = 1; number <= undisturbed.kernel().CallCount(); ++number) {
    for (const int error : {EPERM, ENOENT, ESRCH, EINTR, EIO, EAGAIN, ENOMEM, EACCES, EFAULT, EBUSY,
                            ENODEV, EINVAL, EMFILE, ENOSYS}) {
      SCOPED_TRACE(testing::Message() << strerrorname_np(error) << " at call " << number);
      SweptCommand command;
      command.kernel().FailAt(number, error);
      const absl::StatusOr<ExitCode> result = command.Run();
      SCOPED_TRACE(result.status());
      if (!command.printed.empty()) CheckFigures(command);
      if (result.ok()) {
        EXPECT_EQ(*result, kExitSuccess);
        EXPECT_FALSE(command.printed.empty());
        EXPECT_GE(command.process().PagesOn(1), 270);
      } else {
        EXPECT_FALSE(result.status().message().empty());
      }
      // Threads are pinned before the first page moves.
      if (command.process().PagesOn(1) > 0) {
        EXPECT_TRUE(command.IsPinned());
      }
      ASSERT_FALSE(testing::Test::HasFailure());
    }
  }
}

}  // namespace

}  // namespace numalocality::numa_migrate::numa_migrate_faults_test
