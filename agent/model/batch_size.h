// How many pages to hand to the kernel in one call.
#ifndef NUMALOCALITY_AGENT_MODEL_BATCH_SIZE_H_
#define NUMALOCALITY_AGENT_MODEL_BATCH_SIZE_H_

#include "absl/time/time.h"

namespace numalocality {

// Starts at the kernel's own internal batch and adapts to measured call times: a thread that
// touches a page in flight waits for the batch it is in, so long calls are long stalls. Kernels
// before 6.3 send one TLB shoot-down a page and need the small sizes.
class BatchSize {
 public:
  // NR_MAX_BATCHED_MIGRATION of mm/migrate.c: larger calls gain nothing.
  static constexpr int kMax = 512;

  // Each call costs all CPUs something (their LRU caches are drained): smaller ones would cost more
  // than they spare.
  static constexpr int kMin = 8;

  // `longest_call`: halve when a call took longer than this.
  explicit BatchSize(absl::Duration longest_call) : longest_call_(longest_call) {}

  int pages() const { return pages_; }

  // Takes the time of a call of `pages` entries into account: halved above the limit, doubled when
  // a full batch stayed under half of it.
  void Record(int pages, absl::Duration call_time);

 private:
  const absl::Duration longest_call_;
  int pages_ = kMax;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_BATCH_SIZE_H_
