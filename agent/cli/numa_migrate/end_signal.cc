#include "agent/cli/numa_migrate/end_signal.h"

#include <csignal>

namespace numalocality {
namespace {

volatile std::sig_atomic_t end_signal = 0;

}  // namespace

void CatchEndSignals() {
  struct sigaction action = {};
  action.sa_handler = [](int signal) {
    if (end_signal == 0) end_signal = signal;
  };
  action.sa_flags = SA_RESTART;
  end_signal = 0;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int EndSignal() { return end_signal; }

}  // namespace numalocality
