// The effect of a hold on threads that sleep in the kernel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <memory>
#include <string>
#include <thread>

#include "agent/os/act/ptrace_hold.h"
#include "tests/unit/os/act/hold_target.h"

namespace numalocality::ptrace_hold_sleep_test {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(20);

absl::StatusOr<std::unique_ptr<ProcessHold>> Hold(pid_t pid, absl::Duration timeout = kTimeout) {
  return PtraceHold(pid, 1000, timeout);
}

// Holds for a moment, on a thread that ends: with it ends what the hold could not release.
absl::Status TryHold(pid_t pid, absl::Duration timeout) {
  absl::Status status;
  std::thread([&] { status = Hold(pid, timeout).status(); }).join();
  return status;
}

// A system call that sleeps for half a second or until `fd` is readable, and its expected result,
// -errno for errors.
struct SleepCase {
  std::string name;
  int64_t (*call)(int fd);
  int64_t undisturbed;
  bool interrupted = false;  // fails with EINTR after a hold, as after SIGSTOP and SIGCONT
};

int64_t OrErrno(int64_t result) { return result < 0 ? -errno : result; }

const timespec kWhile = {0, 500'000'000};

const SleepCase kCases[] = {
    {"nanosleep", [](int) { return OrErrno(nanosleep(&kWhile, nullptr)); }, 0},
    {"clock_nanosleep",
     [](int) -> int64_t { return -clock_nanosleep(CLOCK_MONOTONIC, 0, &kWhile, nullptr); }, 0},
    {"read",
     [](int fd) {
       char byte;
       return OrErrno(read(fd, &byte, 1));
     },
     1},
    {"recv",
     [](int fd) {
       char byte;
       return OrErrno(recv(fd, &byte, 1, 0));
     },
     1},
    {"poll",
     [](int fd) {
       pollfd entry{fd, POLLIN, 0};
       return OrErrno(poll(&entry, 1, 10'000));
     },
     1},
    {"select",
     [](int fd) {
       fd_set set;
       FD_ZERO(&set);
       FD_SET(fd, &set);
       timeval timeout{10, 0};
       return OrErrno(select(fd + 1, &set, nullptr, nullptr, &timeout));
     },
     1},
    {"futex",
     [](int) {
       int word = 0;
       return OrErrno(syscall(SYS_futex, &word, 0 /*FUTEX_WAIT*/, 0, &kWhile, nullptr, 0));
     },
     -ETIMEDOUT},
    {"epoll_wait",
     [](int fd) {
       const int epoll = epoll_create1(0);
       epoll_event event{EPOLLIN, {}};
       epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
       return OrErrno(epoll_wait(epoll, &event, 1, 10'000));
     },
     1, true},
    {"sigtimedwait",
     [](int) {
       sigset_t set;
       sigemptyset(&set);
       sigaddset(&set, SIGUSR2);
       sigprocmask(SIG_BLOCK, &set, nullptr);
       return OrErrno(sigtimedwait(&set, nullptr, &kWhile));
     },
     -EAGAIN, true},
    {"semtimedop",
     [](int) {
       const int id = semget(IPC_PRIVATE, 1, 0600);
       sembuf operation{0, -1, 0};
       const int64_t result = OrErrno(semtimedop(id, &operation, 1, &kWhile));
       semctl(id, 0, IPC_RMID);
       return result;
     },
     -EAGAIN, true},
    {"io_getevents",
     [](int) {
       aio_context_t context = 0;
       io_event event;
       syscall(SYS_io_setup, 1, &context);
       return OrErrno(syscall(SYS_io_getevents, context, 1, 1, &event, &kWhile));
     },
     0, true},
    {"recv_with_timeout",
     [](int fd) {
       const timeval timeout{10, 0};
       setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
       char byte;
       return OrErrno(recv(fd, &byte, 1, 0));
     },
     1, true},
};

constexpr int64_t kUnset = 1000;

class SleepTest : public ::testing::TestWithParam<SleepCase> {
 protected:
  // The result of the call in a process to which `disturb` is applied while it sleeps.
  template <typename Disturb>
  int64_t ResultWith(Disturb disturb) {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    HoldTarget target([&](SharedCounts& counts) {
      counts.result = kUnset;
      counts.turns[0] = 1;
      counts.result = GetParam().call(fds[0]);
    });
    EXPECT_TRUE(Eventually([&] { return target.counts().turns[0] == 1; }));
    EXPECT_TRUE(target.WaitForState('S'));
    disturb(target.pid());
    EXPECT_TRUE(Eventually([&] { return target.State() == 'S' || target.State() == 'Z'; }));
    EXPECT_EQ(write(fds[1], "x", 1), 1);
    target.Reap();
    close(fds[0]);
    close(fds[1]);
    return target.counts().result;
  }
};

TEST_P(SleepTest, GoesOnOrIsInterruptedAsTheHeaderSays) {
  EXPECT_EQ(ResultWith([](pid_t) {}), GetParam().undisturbed);
  EXPECT_EQ(ResultWith([](pid_t pid) { EXPECT_TRUE(Hold(pid).ok()); }),
            GetParam().interrupted ? -EINTR : GetParam().undisturbed);
}

INSTANTIATE_TEST_SUITE_P(PtraceHold, SleepTest, ::testing::ValuesIn(kCases),
                         [](const auto& test) { return test.param.name; });

// The first of two threads has called vfork(2), so it cannot be stopped until its child exits.
void VforkAndCount(SharedCounts& counts) {
  std::thread([&counts] {
    while (true) ++counts.turns[0];
  }).detach();
  const pid_t child = vfork();
  if (child == 0) {
    counts.result = getpid();
    while (true) pause();
  }
  waitpid(child, nullptr, 0);
  while (true) ++counts.turns[1];
}

TEST(PtraceHoldSleepTest, NothingIsStoppedWhileOneThreadCannotBe) {
  HoldTarget target(VforkAndCount);
  ASSERT_TRUE(target.WaitForState('D'));
  const int64_t before = target.Turns();
  const absl::Status status = Hold(target.pid(), absl::Milliseconds(200)).status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("created by vfork"));
  EXPECT_GT(target.Turns(), before);
  EXPECT_TRUE(target.Runs());
  kill(static_cast<pid_t>(target.counts().result), SIGKILL);
  auto hold = Hold(target.pid());
  ASSERT_TRUE(hold.ok()) << hold.status();
  EXPECT_TRUE(target.StandsStill());
}

TEST(PtraceHoldSleepTest, AThreadThatSleepsInTheMiddleOfItIsLetGoToo) {
  HoldTarget target([](SharedCounts& counts) {
    for (size_t i = 0; i < 2; ++i) {
      std::thread([&counts, i] {
        while (true) {
          const pid_t child = vfork();
          if (child == 0) {
            const timespec pause = {0, 5'000'000};
            nanosleep(&pause, nullptr);
            _exit(0);
          }
          waitpid(child, nullptr, 0);
          ++counts.turns[i];
        }
      }).detach();
    }
    while (true) ++counts.turns[2];
  });
  ASSERT_TRUE(target.Runs());
  for (int i = 0; i < 50; ++i) {
    const absl::Status status = TryHold(target.pid(), absl::Milliseconds(i % 10));
    EXPECT_TRUE(status.ok() || absl::IsDeadlineExceeded(status)) << status;
    for (size_t thread = 0; thread < 3; ++thread) {
      const auto& turns = target.counts().turns[thread];
      EXPECT_TRUE(Eventually([&, before = turns.load()] { return turns > before; })) << thread;
    }
  }
}

// A tenant's thread may go to sleep for ever while it is being stopped.
TEST(PtraceHoldSleepTest, AThreadThatSleepsForEverDoesNotKeepTheHolder) {
  HoldTarget target([](SharedCounts& counts) {
    std::thread([&counts] {
      while (true) ++counts.turns[0];
    }).detach();
    while (true) {
      const pid_t child = vfork();
      if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        counts.result = getpid();
        while (true) pause();
      }
      waitpid(child, nullptr, 0);
      ++counts.turns[1];
    }
  });
  ASSERT_TRUE(Eventually([&] { return target.counts().result != 0; }));
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(target.WaitForState('D'));
    const auto child = static_cast<pid_t>(target.counts().result);
    absl::Status status;
    std::thread holder([&] { status = TryHold(target.pid(), absl::Milliseconds(5)); });
    kill(child, SIGKILL);  // the next child sleeps already, or begins to, or the hold comes first
    holder.join();
    EXPECT_TRUE(status.ok() || absl::IsDeadlineExceeded(status)) << status;
    const int64_t before = target.counts().turns[0];
    EXPECT_TRUE(Eventually([&] { return target.counts().turns[0] > before; }));
  }
}

}  // namespace
}  // namespace numalocality::ptrace_hold_sleep_test
