#include "agent/model/batch_size.h"

#include <algorithm>
#include <cmath>

#include "absl/types/span.h"

namespace numalocality {

void BatchSize::Record(int pages, absl::Duration call_time) {
  if (is_fixed_) return;
  calls_[call_count_++ % kCalls] = {static_cast<double>(pages), absl::ToDoubleSeconds(call_time)};
  double wanted = pages_;
  if (const std::optional<double> fitted = FittedSize()) {
    wanted = *fitted;
  } else if (call_time > longest_call_) {
    wanted = std::min(pages_, pages) / 2;
  } else if (pages >= pages_ && call_time < longest_call_ / 2) {
    wanted = pages_ * 2;
  }
  wanted = std::clamp(wanted, pages_ / 2.0, pages_ * 2.0);
  pages_ = std::clamp(static_cast<int>(std::lround(wanted)), 1, kMax);
}

// Least squares: seconds = own + page * pages.
std::optional<double> BatchSize::FittedSize() const {
  const auto calls = absl::MakeSpan(calls_).first(std::min(call_count_, kCalls));
  const auto count = static_cast<double>(calls.size());
  Call mean;
  for (const Call& call : calls) {
    mean.pages += call.pages / count;
    mean.seconds += call.seconds / count;
  }
  double variance = 0;
  double covariance = 0;
  for (const Call& call : calls) {
    variance += (call.pages - mean.pages) * (call.pages - mean.pages) / count;
    covariance += (call.pages - mean.pages) * (call.seconds - mean.seconds) / count;
  }
  constexpr double kLeastSpread = 0.1;  // of the sizes: too alike to tell the two parts apart
  if (variance < kLeastSpread * kLeastSpread * mean.pages * mean.pages) return std::nullopt;
  if (covariance <= 0) return 2.0 * kMax;  // more pages took no more time
  const double page = covariance / variance;
  const double own = std::max(0.0, mean.seconds - page * mean.pages);
  return std::max(absl::ToDoubleSeconds(longest_call_) - own, own) / page;
}

}  // namespace numalocality
