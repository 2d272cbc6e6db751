// Pauses between reads of another process's page tables, so that the process can take its own mmap
// lock.
#ifndef NUMALOCALITY_AGENT_OS_PAGES_SCAN_PACER_H_
#define NUMALOCALITY_AGENT_OS_PAGES_SCAN_PACER_H_

#include "absl/time/time.h"
#include "agent/base/clock.h"

namespace numalocality {

// Short reads alone are not enough: for 4 ms the kernel lets readers that return at once pass a
// waiting writer. Even a very short sleep lets the writer
// take the lock; yielding the CPU does not. Destroy it on the thread that created it.
class ScanPacer {
 public:
  // Reduces the timer slack of the calling thread (50 µs by default, prctl(2)), so that it can
  // sleep for microseconds. The destructor restores it.
  explicit ScanPacer(const Clock& clock);
  ~ScanPacer();
  ScanPacer(const ScanPacer&) = delete;
  ScanPacer& operator=(const ScanPacer&) = delete;

  // Call it after each read. Sleeps if the last pause was at least 120 µs ago, or longer on
  // machines where pauses take long.
  void AfterRead();

 private:
  const Clock& clock_;
  const int old_slack_;
  absl::Duration last_pause_;
  absl::Duration stretch_;  // the time from one pause to the next
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PAGES_SCAN_PACER_H_
