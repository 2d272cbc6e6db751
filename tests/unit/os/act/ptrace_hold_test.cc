#include "agent/os/act/ptrace_hold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>

#include "absl/time/clock.h"
#include "agent/os/process/process_handle.h"
#include "tests/unit/os/act/hold_target.h"

namespace numalocality::ptrace_hold_test {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kTimeout = absl::Seconds(20);  // sanitizers on a busy machine

absl::StatusOr<std::unique_ptr<ProcessHold>> Hold(pid_t pid, absl::Duration timeout = kTimeout) {
  return PtraceHold(pid, 1000, timeout);
}

// A process with `count` threads that all count already.
std::unique_ptr<HoldTarget> Counting(int count) {
  auto target =
      std::make_unique<HoldTarget>([count](SharedCounts& counts) { CountForEver(counts, count); });
  EXPECT_TRUE(Eventually([&] {
    int running = 0;
    for (const auto& turns : target->counts().turns) running += turns > 0;
    return running == count;
  }));
  return target;
}

TEST(PtraceHoldTest, AllThreadsStandStillWhileHeld) {
  for (const int count : {1, 8}) {
    const auto target = Counting(count);
    for (int i = 0; i < 3; ++i) {
      auto hold = Hold(target->pid());
      ASSERT_TRUE(hold.ok()) << hold.status();
      EXPECT_TRUE(target->StandsStill());
      hold->reset();
      for (int thread = 0; thread < count; ++thread) {
        const auto& turns = target->counts().turns[static_cast<size_t>(thread)];
        EXPECT_TRUE(Eventually([&, before = turns.load()] { return turns > before; })) << thread;
      }
    }
  }
}

TEST(PtraceHoldTest, ThreadsThatAppearMeanwhileAreHeldToo) {
  HoldTarget target([](SharedCounts& counts) {
    for (int i = 1; i < 4; ++i) {
      std::thread([&counts, i] {
        while (true) std::thread([&] { ++counts.turns[static_cast<size_t>(i)]; }).join();
      }).detach();
    }
    while (true) std::thread([&] { ++counts.turns[0]; }).join();
  });
  ASSERT_TRUE(target.Runs());
  for (int i = 0; i < 30; ++i) {
    auto hold = Hold(target.pid());
    ASSERT_TRUE(hold.ok()) << hold.status();
    EXPECT_TRUE(target.StandsStill());
    hold->reset();
    ASSERT_TRUE(target.Runs());
  }
}

TEST(PtraceHoldTest, AStoppedProcessStaysStopped) {
  const auto target = Counting(4);
  kill(target->pid(), SIGSTOP);
  ASSERT_TRUE(target->WaitForState('T'));
  ASSERT_TRUE(Hold(target->pid()).ok());
  EXPECT_TRUE(target->WaitForState('T'));
  EXPECT_TRUE(target->StandsStill());
  kill(target->pid(), SIGCONT);
  EXPECT_TRUE(target->Runs());
}

TEST(PtraceHoldTest, AStoppedProcessNeedsNoWaiting) {
  const auto target = Counting(4);
  kill(target->pid(), SIGSTOP);
  ASSERT_TRUE(target->WaitForState('T'));
  ASSERT_TRUE(Hold(target->pid()).ok());  // then all its threads have stopped
  for (int i = 0; i < 20; ++i) {
    const auto hold = Hold(target->pid(), absl::ZeroDuration());
    ASSERT_TRUE(hold.ok()) << i << ": " << hold.status();
    EXPECT_TRUE(target->StandsStill());
  }
  kill(target->pid(), SIGCONT);
  EXPECT_TRUE(target->Runs());
}

TEST(PtraceHoldTest, StopAndContinueTakeEffectAfterTheHold) {
  const auto target = Counting(4);
  auto hold = Hold(target->pid());
  ASSERT_TRUE(hold.ok()) << hold.status();
  kill(target->pid(), SIGSTOP);
  hold->reset();
  ASSERT_TRUE(target->WaitForState('T'));
  EXPECT_TRUE(target->StandsStill());
  hold = Hold(target->pid());
  ASSERT_TRUE(hold.ok()) << hold.status();
  kill(target->pid(), SIGCONT);
  EXPECT_TRUE(target->StandsStill());
  hold->reset();
  EXPECT_TRUE(target->Runs());
}

// Sends `count` queued signals with the values `first`, `first` + 1, ... Returns the sum of the
// values.
int64_t SendSignals(pid_t pid, int first, int count) {
  int64_t sum = 0;
  for (int value = first; value < first + count; ++value) {
    sigval argument{};
    argument.sival_int = value;
    if (sigqueue(pid, SIGRTMIN, argument) == 0) sum += value;
  }
  return sum;
}

std::unique_ptr<HoldTarget> CountingSignals(int threads) {
  auto target = std::make_unique<HoldTarget>([threads](SharedCounts& counts) {
    CountSignals(counts);
    CountForEver(counts, threads);
  });
  EXPECT_TRUE(target->Runs());
  return target;
}

TEST(PtraceHoldTest, NoSignalIsLostOrRepeated) {
  const auto target = CountingSignals(3);
  int64_t sum = 0;
  constexpr int kRounds = 100;
  constexpr int kSignals = 20;
  for (int i = 0; i < kRounds; ++i) {
    sum += SendSignals(target->pid(), i * kSignals, kSignals / 2);
    const auto hold = Hold(target->pid());
    ASSERT_TRUE(hold.ok()) << hold.status();
    sum += SendSignals(target->pid(), i * kSignals + kSignals / 2, kSignals / 2);
  }
  EXPECT_TRUE(Eventually([&] { return target->counts().signals == kRounds * kSignals; }))
      << target->counts().signals;
  EXPECT_EQ(target->counts().signal_sum, sum);
}

TEST(PtraceHoldTest, IfTheHolderIsKilledTheProcessRunsAndNoSignalIsLost) {
  const auto target = CountingSignals(3);
  int64_t sum = 0;
  constexpr int kRounds = 30;
  constexpr int kSignals = 20;
  for (int i = 0; i < kRounds; ++i) {
    sum += SendSignals(target->pid(), i * kSignals, kSignals);
    {
      HoldTarget holder([&](SharedCounts& counts) {
        const auto hold = Hold(target->pid());
        counts.result = hold.ok() ? 1 : -1;
        while (true) pause();
      });
      ASSERT_TRUE(Eventually([&] { return holder.counts().result != 0; }));
      ASSERT_EQ(holder.counts().result, 1);
      EXPECT_TRUE(target->StandsStill());
    }
    ASSERT_TRUE(target->Runs());
  }
  EXPECT_TRUE(Eventually([&] { return target->counts().signals == kRounds * kSignals; }))
      << target->counts().signals;
  EXPECT_EQ(target->counts().signal_sum, sum);
}

TEST(PtraceHoldTest, AProcessKilledWhileHeldEndsAsItShould) {
  const auto target = Counting(8);
  auto hold = Hold(target->pid());
  ASSERT_TRUE(hold.ok()) << hold.status();
  kill(target->pid(), SIGKILL);
  hold->reset();
  const int status = target->Reap();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
}

TEST(PtraceHoldTest, TheParentOfAProcessKilledWhileHeldLearnsOfIt) {
  HoldTarget parent([](SharedCounts& counts) {
    const pid_t child = fork();
    if (child == 0) CountForEver(counts, 8);
    counts.result = child;
    int status = 0;
    waitpid(child, &status, 0);
    counts.result = -status;
    while (true) pause();
  });
  ASSERT_TRUE(Eventually([&] { return parent.Turns() > 0 && parent.counts().result != 0; }));
  const auto child = static_cast<pid_t>(parent.counts().result);
  auto hold = Hold(child);
  ASSERT_TRUE(hold.ok()) << hold.status();
  kill(child, SIGKILL);
  hold->reset();
  EXPECT_TRUE(Eventually([&] { return parent.counts().result == -SIGKILL; }));
}

TEST(PtraceHoldTest, AProcessWhoseFirstThreadHasExitedIsHeld) {
  HoldTarget target([](SharedCounts& counts) {
    std::thread([&counts] { CountForEver(counts, 3); }).detach();
    syscall(SYS_exit, 0);  // ends only this thread, without unwinding the test
  });
  ASSERT_TRUE(target.WaitForState('Z'));
  ASSERT_TRUE(target.Runs());
  auto hold = Hold(target.pid());
  ASSERT_TRUE(hold.ok()) << hold.status();
  EXPECT_TRUE(target.StandsStill());
  hold->reset();
  EXPECT_TRUE(target.Runs());
}

TEST(PtraceHoldTest, AProcessOfAnotherParentWhoseFirstThreadHasExitedIsHeld) {
  HoldTarget parent([](SharedCounts& counts) {
    const pid_t child = fork();
    if (child == 0) {
      std::thread([&counts] { CountForEver(counts, 3); }).detach();
      syscall(SYS_exit, 0);
    }
    counts.result = child;
    while (true) pause();
  });
  ASSERT_TRUE(Eventually([&] { return parent.Turns() > 0 && parent.counts().result != 0; }));
  const auto child = static_cast<pid_t>(parent.counts().result);
  ASSERT_TRUE(Eventually([&] { return ReadStat(Host{}, child)->state == 'Z'; }));
  // On its own thread: when it exits, the kernel detaches the first thread of the process.
  std::thread([&] {
    auto hold = Hold(child);
    ASSERT_TRUE(hold.ok()) << hold.status();
    EXPECT_TRUE(parent.StandsStill());
  }).join();
  EXPECT_TRUE(parent.Runs());
  std::thread([&] { EXPECT_TRUE(Hold(child).ok()) << "let go of as a whole"; }).join();
  kill(child, SIGKILL);
}

TEST(PtraceHoldTest, AnotherProgramCanBeExecutedMeanwhile) {
  for (int i = 0; i < 60; ++i) {
    HoldTarget target([i](SharedCounts& counts) {
      std::thread([&counts, i] {
        while (counts.turns[0] < 1000 * i) continue;
        execlp("sleep", "sleep", "1000", nullptr);
      }).detach();
      CountForEver(counts, 4);
    });
    auto hold = Hold(target.pid());
    ASSERT_TRUE(hold.ok()) << hold.status();
    EXPECT_EQ(target.State(), 't');
    hold->reset();
    // It reaches its program, which sleeps, and does not remain stopped.
    EXPECT_TRUE(target.WaitForState('S'));
  }
}

TEST(PtraceHoldTest, WhatCannotBeHeldIsRefused) {
  EXPECT_EQ(Hold(0).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Hold(-1).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Hold(getpid()).status().code(), absl::StatusCode::kFailedPrecondition);
  HoldTarget dead([](SharedCounts&) {});
  ASSERT_TRUE(dead.WaitForState('Z'));
  EXPECT_TRUE(absl::IsNotFound(Hold(dead.pid()).status())) << Hold(dead.pid()).status();
  const pid_t gone = dead.pid();
  dead.Reap();
  EXPECT_TRUE(absl::IsNotFound(Hold(gone).status()));
}

TEST(PtraceHoldTest, ATracedProcessIsRefused) {
  const auto target = Counting(2);
  auto hold = Hold(target->pid());
  ASSERT_TRUE(hold.ok()) << hold.status();
  const absl::Status refused = Hold(target->pid()).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("traced already"));
  EXPECT_TRUE(target->StandsStill());
  hold->reset();
  EXPECT_TRUE(target->Runs());
}

TEST(PtraceHoldTest, TooManyThreadsAreRefused) {
  const auto target = Counting(8);
  EXPECT_TRUE(PtraceHold(target->pid(), 8, kTimeout).ok());
  const absl::Status refused = PtraceHold(target->pid(), 7, kTimeout).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("8 threads, more than 7"));
  EXPECT_TRUE(target->Runs());
}

}  // namespace
}  // namespace numalocality::ptrace_hold_test
