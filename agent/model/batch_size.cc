#include "agent/model/batch_size.h"

#include <algorithm>
#include <vector>

namespace numalocality {
namespace {

// Batches between two measurements of the overhead; each of the first few batches has its own.
constexpr size_t kBatchesPerOverhead = 16;
constexpr size_t kFirstOverheads = 3;

// The pages' part is at least four times the overhead, so the overhead is at most a fifth.
constexpr int kPagesToOverhead = 4;

// The growth from one size to the next, limited because few calls were measured so far.
constexpr int kMostGrowth = 4;

}  // namespace

absl::Duration BatchSize::Samples::Median() const {
  if (count_ == 0) return absl::ZeroDuration();
  std::vector<absl::Duration> sorted(samples().begin(), samples().end());
  std::sort(sorted.begin(), sorted.end());
  return sorted[sorted.size() / 2];
}

absl::Duration BatchSize::Samples::Least() const {
  return count_ == 0 ? absl::ZeroDuration() : *std::min_element(samples().begin(), samples().end());
}

absl::Duration BatchSize::Samples::LeastOfLastTwo() const {
  if (count_ < 2) return Median();
  return std::min(samples_[(count_ - 1) % samples_.size()],
                  samples_[(count_ - 2) % samples_.size()]);
}

bool BatchSize::WantsOverhead() const {
  return !is_fixed_ && (overheads_.count() < kFirstOverheads ||
                        batches_ >= overheads_.count() * kBatchesPerOverhead);
}

void BatchSize::Record(int pages, absl::Duration time, int64_t calls) {
  ++batches_;
  // Small batches (the rest of a window, retries, pages that were not tried) say little about the
  // time per page, unless they are slow.
  if (is_fixed_ || pages == 0 || (pages < pages_ / 2 && time < longest_call_)) return;
  const absl::Duration pages_time = time - calls * overheads_.Least();
  page_times_.Add(std::max(pages_time / pages, absl::Nanoseconds(1)));
  const absl::Duration page = std::max(page_times_.Median(), page_times_.LeastOfLastTwo());
  const absl::Duration own = overheads_.Median() + stops_.Median();
  const absl::Duration budget = std::max(longest_call_ - own, kPagesToOverhead * own);
  const double wanted = absl::FDivDuration(budget, page);
  pages_ = static_cast<int>(
      std::clamp(wanted, 1.0, static_cast<double>(std::min(kMax, kMostGrowth * pages_))));
}

}  // namespace numalocality
