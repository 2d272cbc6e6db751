// Totals of the agent's work since it started, for metrics.
#ifndef NUMALOCALITY_AGENT_ENGINE_MIGRATE_TOTALS_H_
#define NUMALOCALITY_AGENT_ENGINE_MIGRATE_TOTALS_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "agent/base/mutex.h"
#include "agent/engine/migrate/migration_listener.h"
#include "agent/model/migration.h"
#include "agent/model/page_outcome.h"
#include "agent/model/repair.h"

namespace numalocality {

struct Totals {
  std::map<std::pair<MigrationOrigin, MigrationState>, int64_t> migrations;  // that have ended
  OutcomeCounts pages;
  int64_t moved_bytes = 0;
  int64_t drifted_bytes = 0;
  CallTimes calls;  // that moved pages
  // By verdict and reason; a decision counts when it differs from the one before.
  std::map<std::pair<RepairVerdict, RepairReason>, int64_t> decisions;
  int64_t repairs_without_gain = 0;  // that the counters showed no gain of
};

// Thread-safe.
class TotalsCounter final : public MigrationListener {
 public:
  // Counts migrations that have ended.
  void OnMigration(const Migration& migration) override;
  void Add(const RepairDecision& decision);
  void AddRepairWithoutGain();
  Totals Read() const;

 private:
  mutable Mutex mutex_;
  Totals totals_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MIGRATE_TOTALS_H_
