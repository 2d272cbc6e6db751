// The size of the next batch: how many pages to pass to the kernel in one move_pages call.
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

// Adapts the batch size to measured call times. A call's time has two parts:
// * The pages' part: 2 µs a page, and up to 200 µs on a busy kernel before 6.3, which sends a TLB
//   shoot-down for each page. A thread that touches a page in flight waits for it.
// * The overhead, which does not depend on the batch size, because every CPU drains its LRU caches:
//   50 µs if the CPUs are idle, 50 ms if they are not running (a virtual machine on a busy host).
//   No thread of the process waits for it.
// Smaller batches shorten the first part and multiply the second. Therefore the overhead is
// measured separately, with calls that move nothing. Neither part is judged by a single sample: on
// a shared machine single calls may take ten times as long.
class BatchSize {
 public:
  // At this size the overhead is 1 % of the call time on an idle machine.
  static constexpr int kMax = 4096;

  // `longest_call` limits the pages' part of a call. The first batch has `first` pages; with
  // `fixed`, every batch has that many.
  BatchSize(absl::Duration longest_call, int first, std::optional<int> fixed = std::nullopt)
      : longest_call_(longest_call), is_fixed_(fixed.has_value()), pages_(fixed.value_or(first)) {}

  // As many pages as the limit permits, but enough that the overhead is at most a fifth of the
  // time.
  int pages() const { return pages_; }

  // Whether the caller should measure a call without pages before the next batch: for the first
  // batches, then from time to time.
  bool WantsOverhead() const;
  void RecordOverhead(absl::Duration call_time) { overheads_.Add(call_time); }

  // Records the time that it took to stop the process for a batch, which counts as overhead.
  void RecordStop(absl::Duration time) { stops_.Add(time); }

  // Records a batch that took `time` in `calls` calls; `pages` pages moved, or were tried and did
  // not.
  void Record(int pages, absl::Duration time, int64_t calls = 1);

 private:
  // The latest samples of a duration.
  class Samples {
   public:
    void Add(absl::Duration sample) { samples_[count_++ % samples_.size()] = sample; }
    size_t count() const { return count_; }
    // Zero without samples.
    absl::Duration Median() const;
    absl::Duration Least() const;
    // The smaller one of the last two: a change shows in both, an outlier in one only.
    absl::Duration LeastOfLastTwo() const;

   private:
    absl::Span<const absl::Duration> samples() const {
      return absl::MakeSpan(samples_).first(std::min(count_, samples_.size()));
    }

    // Few, to follow changes of the machine's load.
    std::array<absl::Duration, 7> samples_;
    size_t count_ = 0;  // of all samples so far
  };

  const absl::Duration longest_call_;
  const bool is_fixed_;
  int pages_;
  size_t batches_ = 0;  // recorded so far
  Samples overheads_;   // of calls without pages
  Samples stops_;       // of the process
  Samples page_times_;  // per page, without the overhead
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_BATCH_SIZE_H_
