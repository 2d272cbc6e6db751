// How many pages to give to the kernel in one call.
#ifndef NUMALOCALITY_AGENT_MODEL_BATCH_SIZE_H_
#define NUMALOCALITY_AGENT_MODEL_BATCH_SIZE_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "absl/types/span.h"

namespace numalocality {

// Adapts to measured call times, which have two parts. One is the pages': from 2 µs each to 200 on
// a busy kernel before 6.3, which sends a TLB shoot-down for each; a thread that touches a page in
// flight waits for it. The other is the call's own, whatever its size, as every CPU drains its LRU
// caches: 50 µs if they are idle, 50 ms if they are not running (a virtual machine on a busy host);
// no thread of the process waits for that. Smaller batches shorten the first and multiply the
// second. So the second is measured by itself, with calls that move nothing, and neither by one
// sample alone: single calls take ten times as long on any machine that is shared.
class BatchSize {
 public:
  // With so many pages the call's own part is one in a hundred on an idle machine.
  static constexpr int kMax = 4096;

  // `longest_call`: what a call should stay under, as far as its pages take that time. Begins with
  // `first` entries; stays at `fixed` if that is given.
  BatchSize(absl::Duration longest_call, int first, std::optional<int> fixed = std::nullopt)
      : longest_call_(longest_call), is_fixed_(fixed.has_value()), pages_(fixed.value_or(first)) {}

  // As many as fit into the limit, but not so few that more than a fifth of the time is not the
  // pages'.
  int pages() const { return pages_; }

  // Whether to measure a call of no pages before the next one: at first, and now and then.
  bool WantsOverhead() const;
  void RecordOverhead(absl::Duration call_time) { overheads_.Add(call_time); }

  // What a batch costs the process besides the calls: the time that it took to stop it.
  void RecordStop(absl::Duration time) { stops_.Add(time); }

  // Takes a batch into account in which `pages` entries moved, and that took `time` in so many
  // calls.
  void Record(int pages, absl::Duration time, int64_t calls = 1);

 private:
  // The latest samples.
  class Samples {
   public:
    void Add(absl::Duration sample) { samples_[count_++ % samples_.size()] = sample; }
    size_t count() const { return count_; }
    // Zero without samples.
    absl::Duration Median() const;
    absl::Duration Least() const;
    // What the last two both reach: that of a change, while one alone may be chance.
    absl::Duration LeastOfLastTwo() const;

   private:
    absl::Span<const absl::Duration> samples() const {
      return absl::MakeSpan(samples_).first(std::min(count_, samples_.size()));
    }

    // Few enough to follow a machine whose load changes.
    std::array<absl::Duration, 7> samples_;
    size_t count_ = 0;  // ever
  };

  const absl::Duration longest_call_;
  const bool is_fixed_;
  int pages_;
  size_t batches_ = 0;  // ever
  Samples overheads_;   // of calls without pages
  Samples stops_;       // of the process
  Samples page_times_;  // per page, the calls' own part taken off
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_BATCH_SIZE_H_
