#include "agent/os/base/read_budget.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"
#include "agent/base/units.h"

namespace numalocality {

ReadBudget::ReadBudget(const ReadLimits& limits, const Clock& clock,
                       std::function<bool()> is_cancelled)
    : limits_(limits),
      clock_(&clock),
      deadline_(clock.Monotonic() + limits.time),
      is_cancelled_(std::move(is_cancelled)) {}

ReadBudget::ReadBudget(const ReadLimits& limits, ReadBudget& whole)
    : limits_(limits),
      clock_(whole.clock_),
      deadline_(clock_->Monotonic() + limits.time),
      whole_(&whole) {}

absl::Status ReadBudget::Take(absl::string_view name, int64_t bytes) {
  taken_bytes_ += bytes;
  if (taken_bytes_ > limits_.bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("read ", LogSafe(name), ": there is more than ", FormatBytes(limits_.bytes),
                     " to read, the limit"));
  }
  if (clock_->Monotonic() > deadline_) {
    return absl::ResourceExhaustedError(absl::StrCat("read ", LogSafe(name), ": takes longer than ",
                                                     absl::FormatDuration(limits_.time),
                                                     ", the limit"));
  }
  // Last: if the time was why the caller has cancelled, the time is the error.
  if (is_cancelled_ && is_cancelled_()) return absl::CancelledError("the caller has cancelled");
  return whole_ == nullptr ? absl::OkStatus() : whole_->Take(name, bytes);
}

}  // namespace numalocality
