#include "agent/model/migration.h"

#include <algorithm>
#include <numeric>

namespace numalocality {

namespace {

constexpr EnumTable<SharingRule> kSharingRules = {{
    {SharingRule::kNever, "never", "never", ""},
    {SharingRule::kOwned, "owned", "owned", ""},
    {SharingRule::kAll, "all", "all", ""},
}};
static_assert(IsWellFormed(kSharingRules));

constexpr EnumTable<HoldMode> kHoldModes = {{
    {HoldMode::kNone, "none", "none", ""},
    {HoldMode::kPtrace, "ptrace", "ptrace", ""},
}};
static_assert(IsWellFormed(kHoldModes));

constexpr EnumTable<StickMode> kStickModes = {{
    {StickMode::kNone, "none", "none", ""},
    {StickMode::kCpusetMems, "cpuset_mems", "cpuset-mems", ""},
}};
static_assert(IsWellFormed(kStickModes));

constexpr EnumTable<MigrationOrigin> kMigrationOrigins = {{
    {MigrationOrigin::kApi, "api", "api", ""},
    {MigrationOrigin::kPolicy, "policy", "policy", ""},
}};
static_assert(IsWellFormed(kMigrationOrigins));

constexpr EnumTable<MigrationState> kMigrationStates = {{
    {MigrationState::kPending, "pending", "pending", ""},
    {MigrationState::kRunning, "running", "running", ""},
    {MigrationState::kVerifying, "verifying", "verifying", ""},
    {MigrationState::kSucceeded, "succeeded", "succeeded", ""},
    {MigrationState::kPartial, "partial", "partial", ""},
    {MigrationState::kFailed, "failed", "failed", ""},
    {MigrationState::kCancelled, "cancelled", "cancelled", ""},
}};
static_assert(IsWellFormed(kMigrationStates));

// No advice: a migration's message and the advice of its outcomes say more.
constexpr EnumTable<MigrationReason> kMigrationReasons = {{
    {MigrationReason::kNone, "none", "none", ""},
    {MigrationReason::kWorkloadGone, "workload_gone", "workload gone", ""},
    {MigrationReason::kNoRoom, "no_room", "no room", ""},
    {MigrationReason::kCpusetForbids, "cpuset_forbids", "cpuset forbids", ""},
    {MigrationReason::kPermissionDenied, "permission_denied", "permission denied", ""},
    {MigrationReason::kDeadline, "deadline", "deadline", ""},
    {MigrationReason::kCancelled, "cancelled", "cancelled", ""},
    {MigrationReason::kIncomplete, "incomplete", "incomplete", ""},
    {MigrationReason::kPagesLeft, "pages_left", "pages left", ""},
    {MigrationReason::kInternal, "internal", "internal", ""},
    {MigrationReason::kNotSticky, "not_sticky", "not sticky", ""},
    {MigrationReason::kHoldRefused, "hold_refused", "hold refused", ""},
    {MigrationReason::kInterrupted, "interrupted", "interrupted", ""},
    {MigrationReason::kProtected, "protected", "protected", ""},
    {MigrationReason::kNodeGone, "node_gone", "node gone", ""},
    {MigrationReason::kUnderPressure, "under_pressure", "under pressure", ""},
    {MigrationReason::kEnough, "", "", ""},
}};
static_assert(IsWellFormed(kMigrationReasons));

}  // namespace

const EnumTable<SharingRule>& TableOf(SharingRule) { return kSharingRules; }
const EnumTable<HoldMode>& TableOf(HoldMode) { return kHoldModes; }
const EnumTable<StickMode>& TableOf(StickMode) { return kStickModes; }
const EnumTable<MigrationOrigin>& TableOf(MigrationOrigin) { return kMigrationOrigins; }
const EnumTable<MigrationState>& TableOf(MigrationState) { return kMigrationStates; }
const EnumTable<MigrationReason>& TableOf(MigrationReason) { return kMigrationReasons; }

int64_t CallTimes::Count() const {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

void CallTimes::Add(absl::Duration time) {
  const auto bucket = std::lower_bound(kBounds.begin(), kBounds.end(), time);
  ++counts[static_cast<size_t>(bucket - kBounds.begin())];
  total += time;
  longest = std::max(longest, time);
}

void CallTimes::Add(const CallTimes& other) {
  for (size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
  total += other.total;
  longest = std::max(longest, other.longest);
}

std::vector<Workload> Migration::Workloads() const {
  std::vector<Workload> all;
  for (const WorkloadMigration& result : workloads) all.push_back(result.workload);
  return all;
}

void Conclude(WorkloadMigration& result, MigrationReason reason, double min_moved) {
  const bool has_moved_enough = reason == MigrationReason::kEnough;
  if (has_moved_enough) reason = MigrationReason::kNone;
  result.reason = reason;
  const int64_t wanted = result.outcomes.Wanted();
  const bool gone =
      result.process_count > 0 && result.vanished_process_count == result.process_count;
  if (gone) {
    result.state = MigrationState::kFailed;
    result.reason = MigrationReason::kWorkloadGone;
  } else if (reason == MigrationReason::kCancelled) {
    result.state = MigrationState::kCancelled;
  } else if (result.incomplete || result.hidden_process_count > 0) {
    result.state = result.outcomes[PageOutcome::kMoved] > 0 ? MigrationState::kPartial
                                                            : MigrationState::kFailed;
    if (reason == MigrationReason::kNone) result.reason = MigrationReason::kIncomplete;
  } else if (has_moved_enough || ((wanted > 0 || reason == MigrationReason::kNone) &&
                                  static_cast<double>(result.pages_on_target) >=
                                      min_moved * static_cast<double>(wanted))) {
    result.state = MigrationState::kSucceeded;
  } else {
    const bool some = result.outcomes[PageOutcome::kMoved] > 0;
    result.state = some ? MigrationState::kPartial : MigrationState::kFailed;
    if (reason == MigrationReason::kNone) {
      result.reason = result.vanished_process_count > 0 ? MigrationReason::kWorkloadGone
                                                        : MigrationReason::kPagesLeft;
    }
  }
  if (result.state == MigrationState::kSucceeded) result.reason = MigrationReason::kNone;
}

void Conclude(Migration& migration) {
  const auto& results = migration.workloads;
  if (results.empty()) return;
  const auto all = [&](MigrationState state) {
    return std::all_of(results.begin(), results.end(),
                       [&](const WorkloadMigration& w) { return w.state == state; });
  };
  migration.state = MigrationState::kPartial;
  if (all(results.front().state)) migration.state = results.front().state;
  for (const WorkloadMigration& result : results) {
    if (result.state == MigrationState::kCancelled) migration.state = MigrationState::kCancelled;
    if (migration.reason == MigrationReason::kNone && result.reason != MigrationReason::kNone) {
      migration.reason = result.reason;
      migration.message = result.message;
    }
  }
}

}  // namespace numalocality
