#include "agent/cli/numa_migrate/end_signal.h"

#include <atomic>
#include <csignal>

namespace numalocality::numa_migrate {
namespace {

constexpr int kEndSignals[] = {SIGINT, SIGTERM, SIGHUP};

// Any thread may run the signal handler.
std::atomic<int> first_signal = 0;
std::atomic<int> signal_count = 0;
static_assert(std::atomic<int>::is_always_lock_free, "required in a signal handler");

void OnSignal(int signal) {
  int none = 0;
  first_signal.compare_exchange_strong(none, signal);
  ++signal_count;
}

}  // namespace

void CatchEndSignals() {
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  std::signal(SIGPIPE, SIG_IGN);
  first_signal = 0;
  signal_count = 0;
  for (const int signal : kEndSignals) {
    struct sigaction before = {};
    sigaction(signal, nullptr, &before);
    if (signal == SIGHUP && before.sa_handler == SIG_IGN) continue;
    sigaction(signal, &action, nullptr);
  }
}

int EndSignal() { return first_signal; }

int EndSignalCount() { return signal_count; }

void LeaveEndSignalsToOthers(bool leave) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : kEndSignals) sigaddset(&signals, signal);
  pthread_sigmask(leave ? SIG_BLOCK : SIG_UNBLOCK, &signals, nullptr);
}

}  // namespace numalocality::numa_migrate
