#include "agent/model/batch_size.h"

#include <algorithm>

namespace numalocality {
namespace {

// Calls between two measurements of what they cost by themselves; the first few calls have one
// each.
constexpr size_t kCallsPerOverhead = 16;
constexpr size_t kFirstOverheads = 3;

// A call's own part is at most a fifth of it.
constexpr int kPagesToOverhead = 4;

// Of one size by the next, as long as few calls have been seen.
constexpr int kMostGrowth = 4;

}  // namespace

absl::Duration BatchSize::Median::Get() const {
  auto samples = samples_;
  const auto end = samples.begin() + static_cast<std::ptrdiff_t>(std::min(count_, samples.size()));
  const auto middle = samples.begin() + (end - samples.begin()) / 2;
  std::nth_element(samples.begin(), middle, end);
  return count_ == 0 ? absl::ZeroDuration() : *middle;
}

bool BatchSize::WantsOverhead() const {
  return !is_fixed_ && (overheads_.count() < kFirstOverheads ||
                        page_times_.count() >= overheads_.count() * kCallsPerOverhead);
}

void BatchSize::Record(int pages, absl::Duration time, int64_t calls) {
  if (is_fixed_) return;
  // What is left over of a window, or tried again, is too little to learn from, unless it is slow.
  if (pages < pages_ / 2 && time < longest_call_) return;
  const absl::Duration overhead = overheads_.Get();
  page_times_.Add(std::max(time - calls * overhead, absl::ZeroDuration()) / pages);
  const absl::Duration budget = std::max(longest_call_ - overhead, kPagesToOverhead * overhead);
  const absl::Duration page = std::max(page_times_.Get(), absl::Nanoseconds(1));
  const double wanted = absl::FDivDuration(budget, page);
  pages_ = static_cast<int>(
      std::clamp(wanted, 1.0, static_cast<double>(std::min(kMax, kMostGrowth * pages_))));
}

}  // namespace numalocality
