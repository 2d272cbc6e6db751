// A process whose memory is scanned, with a thread that measures how long its mmap lock is taken.
#ifndef TESTS_BENCH_SCAN_SUBJECT_H_
#define TESTS_BENCH_SCAN_SUBJECT_H_

#include <sys/types.h>

#include <cstdint>

#include "absl/time/time.h"
#include "agent/model/ids.h"

namespace numalocality::bench {

enum class Layout {
  kBasePages,  // one mapping, all of it resident
  kHugePages,  // the same in transparent huge pages
  kSparse,     // 64 pieces of it evenly in 256 GiB that are reserved
};

// A child; killed when this is destroyed.
class ScanSubject {
 public:
  // Make it before the program has threads. Ends the program if memory is short.
  ScanSubject(Layout layout, uint64_t resident_bytes);
  ~ScanSubject();
  ScanSubject(const ScanSubject&) = delete;
  ScanSubject& operator=(const ScanSubject&) = delete;

  pid_t pid() const { return pid_; }
  AddressRange range() const;

  // From now on the child maps and unmaps a page again and again.
  void StartCanary();
  // The longest time one of its calls of mmap(2) took since the last call of this.
  absl::Duration TakeLongestStall();

 private:
  struct Shared;  // with the child

  [[noreturn]] void Live(Layout layout, uint64_t resident_bytes);

  Shared* shared_;
  pid_t pid_ = -1;
};

}  // namespace numalocality::bench

#endif  // TESTS_BENCH_SCAN_SUBJECT_H_
