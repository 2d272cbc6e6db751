// The workers' counts, in memory that all processes share: one cache line per worker.
#ifndef TESTS_INTEGRITY_TALLY_H_
#define TESTS_INTEGRITY_TALLY_H_

#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "tests/integrity/page_check.h"

namespace numalocality::integrity {

// CLOCK_MONOTONIC, in nanoseconds: the same in every process.
inline int64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Written by one worker, read by the supervisor.
struct alignas(64) Tally {
  std::atomic<uint64_t> operations;
  std::atomic<uint64_t> mismatches[kFaultCount];
  std::atomic<int64_t> last_operation_ns;  // 0 while no operation is due: idle, or ended
  std::atomic<int64_t> longest_gap_ns;

  // Counts `count` operations that end now. A worker calls this every few operations, so a gap
  // includes the few microseconds that those took.
  void Count(int64_t count) {
    const int64_t now_ns = NowNs();
    const int64_t last_ns = last_operation_ns.load();
    if (last_ns != 0) longest_gap_ns = std::max(longest_gap_ns.load(), now_ns - last_ns);
    last_operation_ns = now_ns;
    operations += static_cast<uint64_t>(count);
  }
};
static_assert(sizeof(Tally) == 64 && std::atomic<uint64_t>::is_always_lock_free);

// Sums over workers; the gap is the longest of any one, a gap that still lasts included.
struct Totals {
  uint64_t operations = 0;
  uint64_t mismatches[kFaultCount] = {};
  uint64_t all_mismatches = 0;
  int64_t longest_gap_ns = 0;
};

Totals Sum(std::span<const Tally> tallies);

// `count` zeroed tallies, shared with the processes forked from now on and never unmapped.
// Ends the process on failure.
std::span<Tally> ShareTallies(size_t count);

}  // namespace numalocality::integrity

#endif  // TESTS_INTEGRITY_TALLY_H_
