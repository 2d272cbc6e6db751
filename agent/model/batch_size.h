// How many pages to give to the kernel in one call.
#ifndef NUMALOCALITY_AGENT_MODEL_BATCH_SIZE_H_
#define NUMALOCALITY_AGENT_MODEL_BATCH_SIZE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/time/time.h"

namespace numalocality {

// Adapts to measured call times, which have two parts. One is the pages': from 2 µs each to 200 on
// a busy kernel before 6.3, which sends a TLB shoot-down for each; a thread that touches a page in
// flight waits for it. The other is the call's own, whatever its size, as every CPU drains its LRU
// caches: 50 µs if they are idle, 50 ms if they are not running (a virtual machine on a busy host);
// no thread of the process waits for that. Smaller batches shorten the first and multiply the
// second. So the second is measured by itself, with calls that move nothing, and both as medians:
// single calls take ten times as long on any machine that is shared.
class BatchSize {
 public:
  // With so many pages the call's own part is one in a hundred on an idle machine.
  static constexpr int kMax = 4096;

  // `longest_call`: what a call should stay under, as far as its pages take that time. Begins with
  // `first` entries; stays at `fixed` if that is given.
  BatchSize(absl::Duration longest_call, int first, std::optional<int> fixed = std::nullopt)
      : longest_call_(longest_call), is_fixed_(fixed.has_value()), pages_(fixed.value_or(first)) {}

  // As many as fit into the limit, but not so few that more than a fifth of the time is the calls'
  // own.
  int pages() const { return pages_; }

  // Whether to measure a call of no pages before the next one: at first, and now and then.
  bool WantsOverhead() const;
  void RecordOverhead(absl::Duration call_time) { overheads_.Add(call_time); }

  // Takes a batch of `pages` entries into account, that took `time` and so many calls.
  void Record(int pages, absl::Duration time, int64_t calls = 1);

 private:
  // The middle one of the latest samples.
  class Median {
   public:
    void Add(absl::Duration sample) { samples_[count_++ % samples_.size()] = sample; }
    size_t count() const { return count_; }
    absl::Duration Get() const;  // zero without samples

   private:
    // Few enough to follow a machine whose load changes.
    std::array<absl::Duration, 7> samples_;
    size_t count_ = 0;  // ever
  };

  const absl::Duration longest_call_;
  const bool is_fixed_;
  int pages_;
  Median overheads_;   // of calls without pages
  Median page_times_;  // per page, that taken off
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_BATCH_SIZE_H_
