// Holds the latest report for readers, and the latest changes for watchers.
#ifndef NUMALOCALITY_AGENT_ENGINE_REPORT_REPORT_BOARD_H_
#define NUMALOCALITY_AGENT_ENGINE_REPORT_REPORT_BOARD_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "agent/model/locality_report.h"

namespace numalocality {

// A workload that is new or has changed or, without `report`, a workload that is gone.
struct ReportChange {
  std::shared_ptr<const WorkloadReport> report;
  Workload gone;
};

// The changes that a watcher has not seen yet.
struct ReportChanges {
  // `changes` lists all workloads, because the watcher is new or was too slow: it must drop all
  // that it knows.
  bool resync = false;
  std::vector<ReportChange> changes;
  int64_t next = 0;  // pass this to the next call
};

// Thread-safe. One thread publishes, any number of threads read and wait.
class ReportBoard {
 public:
  // Changes that are kept for watchers; a watcher that is further behind gets all workloads again.
  static constexpr size_t kMaxChanges = 4096;
  // For the first call of a watcher.
  static constexpr int64_t kFromStart = -1;

  explicit ReportBoard(const Clock& clock) : clock_(clock) {}

  // Replaces the latest report and wakes the watchers if a workload has changed.
  void Publish(std::shared_ptr<const LocalityReport> report);

  // The latest report; an empty one before the first Publish. Never null.
  std::shared_ptr<const LocalityReport> Latest() const;

  // Waits, `timeout` at most, for changes after `next` (kFromStart, or ReportChanges::next of the
  // last call), and returns them. Before the first report there are no changes.
  ReportChanges WaitForChanges(int64_t next, absl::Duration timeout) const;

 private:
  // Adds a change for each workload that is missing in the latest report.
  void DropGone() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  mutable Mutex mutex_;
  mutable ConditionVariable changed_;
  std::shared_ptr<const LocalityReport> latest_ ABSL_GUARDED_BY(mutex_);
  // The report of each workload's last change, by cgroup path.
  std::map<std::string, std::shared_ptr<const WorkloadReport>> shown_ ABSL_GUARDED_BY(mutex_);
  std::deque<ReportChange> changes_ ABSL_GUARDED_BY(mutex_);
  int64_t first_ ABSL_GUARDED_BY(mutex_) = 0;  // number of changes_.front()
  bool has_report_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_REPORT_REPORT_BOARD_H_
