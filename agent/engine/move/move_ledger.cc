#include "agent/engine/move/move_ledger.h"

namespace numalocality {

MigrationReason MoveLedger::StopReason() {
  MutexLock lock(mutex_);
  // After its deadline a migration still verifies, and that can be cancelled: so ask again.
  if (stop_ != MigrationReason::kCancelled) {
    const MigrationReason now = observer_.StopReason();
    if (now != MigrationReason::kNone) stop_ = now;
  }
  if (stop_ == MigrationReason::kNone && result_.outcomes[PageOutcome::kMoved] >= enough_pages_) {
    stop_ = MigrationReason::kEnough;
  }
  return stop_;
}

void MoveLedger::StopAfter(int64_t moved_pages) {
  MutexLock lock(mutex_);
  enough_pages_ = moved_pages;
}

void MoveLedger::BatchBegins(int worker, pid_t pid, int64_t pages) {
  MutexLock lock(mutex_);
  observer_.OnBatch(worker, pid, pages);
}

void MoveLedger::BatchEnds(int worker) {
  MutexLock lock(mutex_);
  observer_.OnBatchEnd(worker);
}

void MoveLedger::Add(const MoveTally& tally) {
  MutexLock lock(mutex_);
  result_.outcomes.Add(tally.outcomes);
  result_.calls.Add(tally.calls);
  result_.holds.Add(tally.holds);
  result_.unheld_batches += tally.unheld_batches;
  result_.huge_pages_moved += tally.huge_pages_moved;
  result_.huge_pages_split += tally.huge_pages_split;
  result_.bandwidth_wait += tally.bandwidth_wait;
  result_.pressure_wait += tally.pressure_wait;
  observer_.OnProgress(result_);
}

void MoveLedger::Update(absl::FunctionRef<void(WorkloadMigration&)> change) {
  MutexLock lock(mutex_);
  change(result_);
  observer_.OnProgress(result_);
}

}  // namespace numalocality
