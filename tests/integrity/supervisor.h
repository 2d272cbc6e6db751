// The process that forks the others, reports for all of them, and outlives any of them.
#ifndef TESTS_INTEGRITY_SUPERVISOR_H_
#define TESTS_INTEGRITY_SUPERVISOR_H_

#include <sys/types.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tests/integrity/memory.h"
#include "tests/integrity/options.h"
#include "tests/integrity/process.h"
#include "tests/integrity/report.h"
#include "tests/integrity/tally.h"

namespace numalocality::integrity {

class Supervisor {
 public:
  // Both outlive the supervisor.
  Supervisor(const Options& options, const Report& report);

  // Runs the workload to its end; returns the exit code.
  int Run();

 private:
  void Spawn();
  ProcessSpec SpecOf(size_t process, int ready_pipe);
  // Waits until each process has populated its memory. Ends this process if one could not.
  void AwaitReady();
  void ReportReady(std::span<const ReadyMessage> messages) const;
  // Until a signal, the end of the time, or the loss of every process.
  void Watch();
  void ReportProgress() const;
  int Finish();

  // Records the processes that have ended. `waitpid_options`: WNOHANG, or 0 to wait for all.
  void Reap(int waitpid_options, bool expected);
  void SignalAll(int signal) const;
  std::span<Tally> TalliesOf(size_t process) const;

  const Options& options_;
  const Report& report_;
  const std::span<Tally> tallies_;  // options.workers for each process in turn
  std::optional<Memory> shared_;    // with Sharing::kMapping and kFork
  sigset_t signals_;
  int ready_pipe_ = -1;
  std::vector<pid_t> pids_;       // 0 once reaped
  size_t lost_processes_ = 0;     // ended before their stop command
  size_t crashed_processes_ = 0;  // of all: by another signal than SIGKILL, or with an exit code
};

}  // namespace numalocality::integrity

#endif  // TESTS_INTEGRITY_SUPERVISOR_H_
