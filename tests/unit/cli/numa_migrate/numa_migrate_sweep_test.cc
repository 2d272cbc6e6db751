// numa-migrate that pins threads and moves, and every errno at every one of its kernel calls: an
// exit code of the contract, with figures that add up or an error that says why.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "agent/cli/exit_code.h"
#include "tests/unit/cli/numa_migrate/numa_migrate_fixture.h"

namespace numalocality::numa_migrate::numa_migrate_sweep_test {
namespace {

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
      // Threads go first: no page leaves them behind.
      if (command.process().PagesOn(1) > 0) {
        EXPECT_TRUE(command.IsPinned());
      }
      ASSERT_FALSE(testing::Test::HasFailure());
    }
  }
}

}  // namespace
}  // namespace numalocality::numa_migrate::numa_migrate_sweep_test
