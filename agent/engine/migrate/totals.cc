#include "agent/engine/migrate/totals.h"

namespace numalocality {

void TotalsCounter::OnMigration(const Migration& migration) {
  if (!IsFinal(migration.state)) return;
  MutexLock lock(mutex_);
  ++totals_.migrations[{migration.request.origin, migration.state}];
  for (const WorkloadMigration& result : migration.workloads) {
    totals_.pages.Add(result.outcomes);
    totals_.moved_bytes += result.outcomes[PageOutcome::kMoved] * migration.page_bytes;
    totals_.drifted_bytes += result.drifted_pages * migration.page_bytes;
    totals_.calls.Add(result.calls);
  }
}

void TotalsCounter::Add(const RepairDecision& decision) {
  MutexLock lock(mutex_);
  ++totals_.decisions[{decision.verdict, decision.reason}];
}

void TotalsCounter::AddRepairWithoutGain() {
  MutexLock lock(mutex_);
  ++totals_.repairs_without_gain;
}

Totals TotalsCounter::Read() const {
  MutexLock lock(mutex_);
  return totals_;
}

}  // namespace numalocality
