// The repair loop's memory of a workload: whether its repairs helped, and whether something undoes
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
  // A repair that raised the local fraction by less did not help.
  static constexpr double kLeastGain = 0.01;
  // After this many repairs in a row that did not help, or were undone, the loop gives up.
  static constexpr int kMostFruitless = 4;
  static constexpr int kMostUndone = 4;
  // After it gave up, the loop tries again after this many (doubled) cool-downs.
  static constexpr int kForgiveAfter = 2;
  static constexpr absl::Duration kLeastBackoff = absl::Seconds(1);
  // This many changes of the home nodes within kFlipWindow cool-downs count as flipping.
  static constexpr size_t kManyFlips = 4;
  static constexpr int kFlipWindow = 4;
  // Changes within this time count as one: container runtimes set CPUs in steps.
  static constexpr absl::Duration kOneFlip = absl::Seconds(1);

  // End of its last migration, of any origin. Monotonic, as are all points in time here.
  absl::Duration last_end = -absl::InfiniteDuration();
  NodeSet home;       // the targets of its last repair
  int fruitless = 0;  // repairs in a row that did not help
  int undone = 0;     // repairs in a row whose memory moved away again
  // The local fraction at which half of the last repair's gain is lost; below it the repair counts
  // as undone. 0 if the repair did not help, or was already counted.
  double half_lost = 0;
  int64_t stuck_bytes = 0;            // remote bytes that the last repair could not move
  std::vector<absl::Duration> flips;  // the latest changes of its home nodes, oldest first

  // The policy's cool-down, doubled for each repair in a row that did not help or was undone, and
  // then at least kLeastBackoff.
  absl::Duration Cooldown(const LocalityPolicy& policy) const;
  // When the loop tries again after it gave up, even if nothing has changed.
  absl::Duration ForgivenAt(const LocalityPolicy& policy) const;
  // Whether its home nodes keep changing.
  bool IsFlipping(const LocalityPolicy& policy, absl::Duration now) const;
};

// `history` after a migration of its workload, by the repair loop or (`policy` null) by request.
RepairHistory AfterMigration(RepairHistory history, const Migration& migration,
                             const WorkloadMigration& result, const LocalityPolicy* policy);

// `history` after a new report. Other home nodes reset it; a repair whose memory has left the home
// nodes since counts as undone.
RepairHistory AfterReport(RepairHistory history, const WorkloadReport& report,
                          const LocalityPolicy* policy, absl::Duration now);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_REPAIR_HISTORY_H_
