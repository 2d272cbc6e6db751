// A real process for tests of holds. Its threads count in memory that it shares with the test.
#ifndef NUMALOCALITY_TESTS_UNIT_OS_ACT_HOLD_TARGET_H_
#define NUMALOCALITY_TESTS_UNIT_OS_ACT_HOLD_TARGET_H_

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

namespace numalocality {

// Shared between a test and its target; initially zero.
struct SharedCounts {
  std::array<std::atomic<int64_t>, 64> turns;  // one for each thread
  std::atomic<int64_t> signals;                // received
  std::atomic<int64_t> signal_sum;             // the sum of their values
  std::atomic<int64_t> result;                 // what the target has found out
};

// A child process of the test. Killed and reaped by the destructor.
class HoldTarget {
 public:
  // Runs `body` in a child process, which exits when `body` returns. The test must have only one
  // thread.
  explicit HoldTarget(const std::function<void(SharedCounts&)>& body);
  ~HoldTarget();
  HoldTarget(const HoldTarget&) = delete;
  HoldTarget& operator=(const HoldTarget&) = delete;

  pid_t pid() const { return pid_; }
  SharedCounts& counts() { return *counts_; }

  // The state letter of /proc/PID/stat; 'X' if the process is gone.
  char State() const;
  // Waits for that state, at most ten seconds. False if it was not reached.
  bool WaitForState(char state) const;
  // Waits for the exit and returns the status of waitpid(2). The destructor then does nothing.
  int Reap();

  // The sum of all turns; whether it grows within ten seconds; whether it stays the same for 30 ms.
  int64_t Turns() const;
  bool Runs() const;
  bool StandsStill() const;

 private:
  SharedCounts* counts_;
  pid_t pid_;
};

// Bodies. Runs `count` threads, including the first, that only count; does not return.
void CountForEver(SharedCounts& counts, int count);
// Counts the signals SIGRTMIN and adds the values sent with them.
void CountSignals(SharedCounts& counts);

// Calls `probe` until it returns true, for at most ten seconds. Returns its last result.
bool Eventually(const std::function<bool()>& probe);

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_UNIT_OS_ACT_HOLD_TARGET_H_
