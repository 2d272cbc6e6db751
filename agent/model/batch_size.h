// How many pages to hand to the kernel in one call.
#ifndef NUMALOCALITY_AGENT_MODEL_BATCH_SIZE_H_
#define NUMALOCALITY_AGENT_MODEL_BATCH_SIZE_H_

#include <optional>

#include "absl/time/time.h"

namespace numalocality {

// Adapts to measured call times: one page on a busy kernel before 6.3, which sends a TLB
// shoot-down for each, thousands on an idle one.
class BatchSize {
 public:
  // Each call costs all CPUs some 50 µs (their LRU caches are drained), whatever its size: with so
  // many pages that is one part in a hundred.
  static constexpr int kMax = 4096;

  // `longest_call`: smaller when a call took longer than this. Begins with `first` entries; stays
  // at `fixed` if that is given.
  BatchSize(absl::Duration longest_call, int first, std::optional<int> fixed = std::nullopt)
      : longest_call_(longest_call), is_fixed_(fixed.has_value()), pages_(fixed.value_or(first)) {}

  int pages() const { return pages_; }

  // Takes the time of a call of `pages` entries into account: halved above the limit, doubled when
  // a full batch stayed under half of it.
  void Record(int pages, absl::Duration call_time);

 private:
  const absl::Duration longest_call_;
  const bool is_fixed_;
  int pages_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_BATCH_SIZE_H_
