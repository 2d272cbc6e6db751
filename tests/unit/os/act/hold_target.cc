#include "tests/unit/os/act/hold_target.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <new>
#include <thread>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "agent/os/base/host.h"
#include "agent/os/process/process_handle.h"

namespace numalocality {
namespace {

SharedCounts* signal_counts = nullptr;

SharedCounts* MapCounts() {
  void* memory = mmap(nullptr, sizeof(SharedCounts), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  return new (memory) SharedCounts();
}

}  // namespace

HoldTarget::HoldTarget(const std::function<void(SharedCounts&)>& body)
    : counts_(MapCounts()), pid_(fork()) {
  if (pid_ < 0) std::abort();
  if (pid_ != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Yama may allow only parents to trace, and some tests hold from a sibling.
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
  body(*counts_);
  _exit(0);
}

HoldTarget::~HoldTarget() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    Reap();
  }
  munmap(counts_, sizeof(SharedCounts));
}

char HoldTarget::State() const {
  const auto stat = ReadStat(Host{}, pid_);
  return stat.ok() ? stat->state : 'X';
}

bool HoldTarget::WaitForState(char state) const {
  return Eventually([&] { return State() == state; });
}

int HoldTarget::Reap() {
  int status = -1;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return status;
}

int64_t HoldTarget::Turns() const {
  int64_t sum = 0;
  for (const auto& turns : counts_->turns) sum += turns;
  return sum;
}

bool HoldTarget::Runs() const {
  const int64_t before = Turns();
  return Eventually([&] { return Turns() > before; });
}

bool HoldTarget::StandsStill() const {
  const int64_t before = Turns();
  absl::SleepFor(absl::Milliseconds(30));
  return Turns() == before;
}

void CountForEver(SharedCounts& counts, int count) {
  for (int i = 1; i < count; ++i) {
    std::thread([&turns = counts.turns[static_cast<size_t>(i)]] {
      while (true) ++turns;
    }).detach();
  }
  while (true) ++counts.turns[0];
}

void CountSignals(SharedCounts& counts) {
  signal_counts = &counts;
  struct sigaction action = {};
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  action.sa_sigaction = [](int, siginfo_t* info, void*) {
    ++signal_counts->signals;
    signal_counts->signal_sum += info->si_value.sival_int;
  };
  sigaction(SIGRTMIN, &action, nullptr);
}

bool Eventually(const std::function<bool()>& probe) {
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  while (!probe()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(1));
  }
  return true;
}

}  // namespace numalocality
