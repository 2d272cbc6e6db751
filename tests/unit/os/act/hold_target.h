// A real process for tests that hold one: its threads count in memory that the test sees.
#ifndef NUMALOCALITY_TESTS_UNIT_OS_ACT_HOLD_TARGET_H_
#define NUMALOCALITY_TESTS_UNIT_OS_ACT_HOLD_TARGET_H_

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

namespace numalocality {

// Shared between a test and its target; zeroes at first.
struct SharedCounts {
  std::array<std::atomic<int64_t>, 64> turns;  // one a thread
  std::atomic<int64_t> signals;                // received
  std::atomic<int64_t> signal_sum;             // of their values
  std::atomic<int64_t> result;                 // of whatever the target was to find out
};

// A child of the test. Killed and reaped when this is destroyed.
class HoldTarget {
 public:
  // Runs `body` in a child, which exits when that returns. The test must have one thread only.
  explicit HoldTarget(const std::function<void(SharedCounts&)>& body);
  ~HoldTarget();
  HoldTarget(const HoldTarget&) = delete;
  HoldTarget& operator=(const HoldTarget&) = delete;

  pid_t pid() const { return pid_; }
  SharedCounts& counts() { return *counts_; }

  // State letter of /proc/PID/stat; 'X' if there is none.
  char State() const;
  // Waits for it, at most ten seconds; false if it did not come.
  bool WaitForState(char state) const;
  // How it ended, as waitpid(2) says; waits for that. The destructor leaves it alone then.
  int Reap();

  // The sum of all turns; and whether it grows within ten seconds, or does not in 30 ms.
  int64_t Turns() const;
  bool Runs() const;
  bool StandsStill() const;

 private:
  SharedCounts* counts_;
  pid_t pid_;
};

// Bodies. `count` threads, the first included, that count and do nothing else; the first returns
// never.
void CountForEver(SharedCounts& counts, int count);
// Counts the signals SIGRTMIN, and adds up the values sent with them.
void CountSignals(SharedCounts& counts);

// Calls `probe` until it returns true, at most ten seconds; returns its last word.
bool Eventually(const std::function<bool()>& probe);

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_UNIT_OS_ACT_HOLD_TARGET_H_
