// many-processes N: a container full of sleeping processes, for tests of discovery at scale.
// Forks N children that sleep, prints {"event":"ready","processes":N}, and waits for SIGTERM or
// SIGINT; the children end with it. Exit code: 0, or 2 with a sentence on standard error.
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr long kMostProcesses = 100'000;

long ParseCount(int argc, char** argv) {
  char* end = nullptr;
  const long count = argc == 2 ? std::strtol(argv[1], &end, 10) : 0;
  if (end == nullptr || *end != '\0' || count < 1 || count > kMostProcesses) {
    std::fprintf(stderr, "usage: many-processes N, with N from 1 to %ld\n", kMostProcesses);
    std::exit(2);
  }
  return count;
}

[[noreturn]] void Sleep(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  while (getppid() == parent) pause();
  std::_Exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  const long count = ParseCount(argc, argv);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const pid_t parent = getpid();
  for (long i = 0; i < count; ++i) {
    const pid_t child = fork();
    if (child == 0) Sleep(parent);
    if (child < 0) {
      std::fprintf(stderr, "many-processes: fork %ld of %ld: %s (see pids.max and ulimit -u)\n",
                   i + 1, count, std::strerror(errno));
      return 2;
    }
  }
  std::printf("{\"event\":\"ready\",\"processes\":%ld}\n", count);
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  return 0;
}
