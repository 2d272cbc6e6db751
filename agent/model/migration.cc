#include "agent/model/migration.h"

#include <algorithm>
#include <numeric>

namespace numalocality {

absl::string_view MigrationStateName(MigrationState state) {
  switch (state) {
    case MigrationState::kPending: return "PENDING";
    case MigrationState::kRunning: return "RUNNING";
    case MigrationState::kVerifying: return "VERIFYING";
    case MigrationState::kSucceeded: return "SUCCEEDED";
    case MigrationState::kPartial: return "PARTIAL";
    case MigrationState::kFailed: return "FAILED";
    case MigrationState::kCancelled: return "CANCELLED";
  }
  return "UNKNOWN";
}

absl::string_view MigrationReasonName(MigrationReason reason) {
  switch (reason) {
    case MigrationReason::kNone: return "NONE";
    case MigrationReason::kWorkloadGone: return "WORKLOAD_GONE";
    case MigrationReason::kNoRoom: return "NO_ROOM";
    case MigrationReason::kCpusetForbids: return "CPUSET_FORBIDS";
    case MigrationReason::kPermissionDenied: return "PERMISSION_DENIED";
    case MigrationReason::kDeadline: return "DEADLINE";
    case MigrationReason::kCancelled: return "CANCELLED";
    case MigrationReason::kIncomplete: return "INCOMPLETE";
    case MigrationReason::kPagesLeft: return "PAGES_LEFT";
    case MigrationReason::kInternal: return "INTERNAL";
    case MigrationReason::kNotSticky: return "NOT_STICKY";
    case MigrationReason::kHoldRefused: return "HOLD_REFUSED";
    case MigrationReason::kInterrupted: return "INTERRUPTED";
    case MigrationReason::kEnough: return "ENOUGH";
  }
  return "UNKNOWN";
}

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
