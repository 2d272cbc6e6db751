#include "agent/model/page_outcome.h"

#include <numeric>

namespace numalocality {

absl::string_view PageOutcomeName(PageOutcome outcome) {
  switch (outcome) {
    case PageOutcome::kMoved: return "moved";
    case PageOutcome::kAlreadyThere: return "already there";
    case PageOutcome::kBusy: return "busy";
    case PageOutcome::kShared: return "shared";
    case PageOutcome::kPinned: return "pinned";
    case PageOutcome::kNoMemory: return "no memory on the target";
    case PageOutcome::kForbidden: return "forbidden by cpuset";
    case PageOutcome::kNotMigratable: return "not migratable";
    case PageOutcome::kVanished: return "vanished";
    case PageOutcome::kIdentityChanged: return "identity changed";
    case PageOutcome::kPermissionDenied: return "permission denied";
    case PageOutcome::kNotAttempted: return "not attempted";
  }
  return "unknown";
}

void OutcomeCounts::Add(const OutcomeCounts& other) {
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
}

int64_t OutcomeCounts::Total() const {
  return std::accumulate(counts_.begin(), counts_.end(), int64_t{0});
}

}  // namespace numalocality
