// Pauses between reads of another process's page tables, so that it gets at its own mmap lock.
#ifndef NUMALOCALITY_AGENT_OS_PAGES_SCAN_PACER_H_
#define NUMALOCALITY_AGENT_OS_PAGES_SCAN_PACER_H_

#include "absl/time/time.h"
#include "agent/base/clock.h"

namespace numalocality {

// Short holds of the lock alone do not help: the kernel lets readers that come back at once pass a
// waiting writer for 4 ms. A sleep, however short, lets the writer in; yielding the CPU does not.
// Destroy on the thread that made it.
class ScanPacer {
 public:
  // Lets the calling thread sleep for microseconds (its timer slack is 50 by default); undone by
  // the destructor.
  explicit ScanPacer(const Clock& clock);
  ~ScanPacer();
  ScanPacer(const ScanPacer&) = delete;
  ScanPacer& operator=(const ScanPacer&) = delete;

  // Call after each read; sleeps if the last pause is long enough ago: 120 µs, or more where
  // pauses are dear.
  void AfterRead();

 private:
  const Clock& clock_;
  const int old_slack_;
  absl::Duration last_pause_;
  absl::Duration stretch_;  // from a pause to the next
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PAGES_SCAN_PACER_H_
