#include "agent/engine/move/stalled_calls.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace numalocality {

bool CallsInFlight::HaveStalled(absl::Duration now) const {
  const Call* const oldest = Oldest();
  return oldest != nullptr && now - oldest->start > kStalledAfter;
}

std::string CallsInFlight::Describe(absl::Duration now) const {
  const Call* const call = Oldest();
  if (call == nullptr) return "a read of its processes' memory has not returned from the kernel";
  return absl::StrCat("move_pages of ", call->pages, " pages of process ", call->pid,
                      " has not returned from the kernel for ",
                      absl::FormatDuration(now - call->start));
}

const CallsInFlight::Call* CallsInFlight::Oldest() const {
  const auto oldest = std::min_element(
      calls_.begin(), calls_.end(),
      [](const auto& a, const auto& b) { return a.second.start < b.second.start; });
  return oldest == calls_.end() ? nullptr : &oldest->second;
}

}  // namespace numalocality
