#include "tests/integrity/tally.h"

#include <sys/mman.h>

#include <new>

#include "tests/integrity/fail.h"

namespace numalocality::integrity {

Totals Sum(std::span<const Tally> tallies) {
  Totals totals;
  const int64_t now_ns = NowNs();
  for (const Tally& tally : tallies) {
    totals.operations += tally.operations;
    for (size_t i = 0; i < kFaultCount; ++i) {
      totals.mismatches[i] += tally.mismatches[i];
      totals.all_mismatches += tally.mismatches[i];
    }
    const int64_t last_ns = tally.last_operation_ns;
    const int64_t running_gap_ns = last_ns == 0 ? 0 : now_ns - last_ns;
    totals.longest_gap_ns =
        std::max({totals.longest_gap_ns, tally.longest_gap_ns.load(), running_gap_ns});
  }
  return totals;
}

std::span<Tally> ShareTallies(size_t count) {
  void* memory = mmap(nullptr, count * sizeof(Tally), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) FailErrno("mmap of the shared counters");
  return {new (memory) Tally[count]{}, count};
}

}  // namespace numalocality::integrity
