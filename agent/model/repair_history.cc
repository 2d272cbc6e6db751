#include "agent/model/repair_history.h"

#include <algorithm>

namespace numalocality {
namespace {

// Cool-downs of 5 minutes grow to 5 hours at most.
constexpr int kMostDoublings = 6;
// The latest changes of the home nodes that are kept; older ones do not matter.
constexpr size_t kKeptFlips = 16;
// A repair that lasts for this many cool-downs clears the counts of failed repairs before it.
constexpr int kGoodFor = 10;

// Of the bytes that are remote at the migration's end: all of them, if it attempted all pages and
// had room for them; else only those that the kernel could not move.
int64_t StuckBytes(const Migration& migration, const WorkloadMigration& result) {
  const int64_t left = migration.estimate->remote_after;
  const int64_t kept_from = result.outcomes[PageOutcome::kNotAttempted] +
                            result.outcomes[PageOutcome::kNoMemory] +
                            result.outcomes[PageOutcome::kForbidden];
  if (kept_from == 0) return left;
  const int64_t pages =
      result.outcomes[PageOutcome::kBusy] + result.outcomes[PageOutcome::kPinned] +
      result.outcomes[PageOutcome::kShared] + result.outcomes[PageOutcome::kNotMigratable] +
      result.outcomes[PageOutcome::kPermissionDenied];
  return std::min(left, pages * migration.page_bytes);
}

}  // namespace

absl::Duration RepairHistory::Cooldown(const LocalityPolicy& policy) const {
  const int in_vain = fruitless + undone;
  if (in_vain == 0) return policy.cooldown;
  return std::max(policy.cooldown, kLeastBackoff) *
         (int64_t{1} << std::min(in_vain, kMostDoublings));
}

absl::Duration RepairHistory::ForgivenAt(const LocalityPolicy& policy) const {
  return last_end + kForgiveAfter * Cooldown(policy);
}

bool RepairHistory::IsFlipping(const LocalityPolicy& policy, absl::Duration now) const {
  const absl::Duration start = now - kFlipWindow * policy.cooldown;
  const auto recent =
      std::count_if(flips.begin(), flips.end(), [&](absl::Duration time) { return time > start; });
  return static_cast<size_t>(recent) >= kManyFlips;
}

RepairHistory AfterMigration(RepairHistory history, const Migration& migration,
                             const WorkloadMigration& result, const LocalityPolicy* policy) {
  // It did not begin.
  if (result.reason == MigrationReason::kUnderPressure) return history;
  history.last_end = migration.ended_at;
  if (policy == nullptr || !migration.estimate.has_value()) return history;
  const RepairEstimate& estimate = *migration.estimate;
  // It ended before its effect could be measured, or the workload has exited.
  if (result.state == MigrationState::kCancelled ||
      result.reason == MigrationReason::kInterrupted ||
      result.reason == MigrationReason::kNodeGone || !estimate.local_after.has_value()) {
    return history;
  }
  // There may be no report in between, such as when an agent reads the records of the agent before.
  if (result.target_nodes == history.home && estimate.local_before < history.half_lost) {
    ++history.undone;
  }
  history.home = result.target_nodes;
  const double local = *estimate.local_after;
  const bool helped = local - estimate.local_before >= RepairHistory::kLeastGain;
  history.fruitless = helped ? 0 : history.fruitless + 1;
  history.half_lost = helped ? (estimate.local_before + local) / 2 : 0;
  history.stuck_bytes = StuckBytes(migration, result);
  return history;
}

RepairHistory AfterReport(RepairHistory history, const WorkloadReport& report,
                          const LocalityPolicy* policy, absl::Duration now) {
  // It does not show where the memory of its processes should be.
  if (report.placement.state == PlacementState::kTooLarge) return history;
  const bool flipped = report.home_since != -absl::InfiniteDuration() &&
                       (history.flips.empty() ||
                        report.home_since >= history.flips.back() + RepairHistory::kOneFlip);
  if (flipped) {
    history.flips.push_back(report.home_since);
    if (history.flips.size() > kKeptFlips) history.flips.erase(history.flips.begin());
  }
  if (policy == nullptr) return history;
  // The result of the last repair no longer matters if the home nodes changed after or during it.
  const bool is_elsewhere = !(history.home - report.placement.home_nodes).empty();
  if (report.home_since > history.last_end || is_elsewhere) {
    history.fruitless = 0;
    history.undone = 0;
    history.stuck_bytes = 0;
    history.half_lost = 0;
    return history;
  }
  if (now > history.ForgivenAt(*policy)) history.stuck_bytes = 0;
  const std::optional<double> local = report.placement.LocalFraction();
  const bool is_local = !local.has_value() || *local >= policy->min_local_fraction;
  if (local.has_value() && *local < history.half_lost) {
    ++history.undone;
    history.half_lost = 0;
  }
  if (is_local && now - history.last_end > kGoodFor * policy->cooldown) {
    history.fruitless = 0;
    history.undone = 0;
  }
  return history;
}

}  // namespace numalocality
