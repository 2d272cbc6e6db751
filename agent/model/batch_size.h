// How many pages to hand to the kernel in one call.
#ifndef NUMALOCALITY_AGENT_MODEL_BATCH_SIZE_H_
#define NUMALOCALITY_AGENT_MODEL_BATCH_SIZE_H_

#include <array>
#include <cstddef>
#include <optional>

#include "absl/time/time.h"

namespace numalocality {

// Adapts to measured call times, which have two parts. One is the pages': from 2 µs each to 200 on
// a busy kernel before 6.3, which sends a TLB shoot-down for each; a thread that touches a page in
// flight waits for it. The other is the call's own, whatever its size, as every CPU drains its LRU
// caches: 50 µs if they are idle, 50 ms if they are not running (a virtual machine on a busy host);
// no thread of the process waits for that. Smaller batches shorten the first and multiply the
// second, so both are told apart by a line fitted through recent calls.
class BatchSize {
 public:
  // With so many pages the call's own part is one in a hundred on an idle machine.
  static constexpr int kMax = 4096;

  // `longest_call`: what a call should stay under, as far as its pages take that time. Begins with
  // `first` entries; stays at `fixed` if that is given.
  BatchSize(absl::Duration longest_call, int first, std::optional<int> fixed = std::nullopt)
      : longest_call_(longest_call), is_fixed_(fixed.has_value()), pages_(fixed.value_or(first)) {}

  int pages() const { return pages_; }

  // Takes the time of a call of `pages` entries into account: as many as fit into the limit, but
  // not so few that most of a call is its own part. Changes by a factor of two at most.
  void Record(int pages, absl::Duration call_time);

 private:
  struct Call {
    double pages = 0;
    double seconds = 0;
  };
  // The size that a line through the latest calls asks for; nothing while all were of one size.
  std::optional<double> FittedSize() const;

  // Few enough to follow a machine whose load changes.
  static constexpr size_t kCalls = 16;

  const absl::Duration longest_call_;
  const bool is_fixed_;
  int pages_;
  std::array<Call, kCalls> calls_{};  // a ring: the latest ones
  size_t call_count_ = 0;             // ever
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_BATCH_SIZE_H_
