// What the repair loop remembers of a workload: what its repairs brought, and whether others undo
// them. Pure.
#ifndef NUMALOCALITY_AGENT_MODEL_REPAIR_HISTORY_H_
#define NUMALOCALITY_AGENT_MODEL_REPAIR_HISTORY_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "agent/model/configuration.h"
#include "agent/model/id_set.h"
#include "agent/model/locality_report.h"
#include "agent/model/migration.h"

namespace numalocality {

struct RepairHistory {
  // A repair that made less of the memory local has not helped.
  static constexpr double kLeastGain = 0.01;
  // After so many in a row that did not help, or were undone, no more are tried.
  static constexpr int kMostFruitless = 4;
  static constexpr int kMostUndone = 4;
  // What was given up is tried again after so many cool-downs, as long as they have grown by then.
  static constexpr int kForgiveAfter = 2;
  static constexpr absl::Duration kLeastBackoff = absl::Seconds(1);
  // So many changes of home within kFlipWindow cool-downs are somebody's back and forth.
  static constexpr size_t kManyFlips = 4;
  static constexpr int kFlipWindow = 4;
  // Changes that follow one in less time belong to it: runtimes set CPUs in steps.
  static constexpr absl::Duration kOneFlip = absl::Seconds(1);

  absl::Time last_end = absl::InfinitePast();  // of its last migration, whoever asked for it
  NodeSet home;                                // that its last repair was for
  int fruitless = 0;                           // repairs in a row that did not help
  int undone = 0;                              // repairs in a row whose memory went away again
  // Local fraction at which the last repair has lost half of what it brought: below that it counts
  // as undone. 0 if it brought nothing, or has been counted.
  double half_lost = 0;
  int64_t stuck_bytes = 0;        // remote ones that the last repair could do nothing about
  std::vector<absl::Time> flips;  // the latest changes of its home, oldest first

  // The policy's cool-down, doubled for each repair in a row that brought nothing to stay, and then
  // kLeastBackoff at least.
  absl::Duration Cooldown(const LocalityPolicy& policy) const;
  // When what was given up is tried once more, even if nothing has changed.
  absl::Time ForgivenAt(const LocalityPolicy& policy) const;
  // Its home keeps changing.
  bool IsFlipping(const LocalityPolicy& policy, absl::Time now) const;
};

// `history` after its workload was migrated: by the repair loop, or (`policy` null) on request.
RepairHistory AfterMigration(RepairHistory history, const Migration& migration,
                             const WorkloadMigration& result, const LocalityPolicy* policy);

// `history` in the light of a new report: another home makes a new start, and memory that has left
// its home since the last repair counts as undone.
RepairHistory AfterReport(RepairHistory history, const WorkloadReport& report,
                          const LocalityPolicy* policy, absl::Time now);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_REPAIR_HISTORY_H_
