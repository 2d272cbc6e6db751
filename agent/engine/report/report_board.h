// The latest report, for all who want to know, and what has changed in it for those who watch.
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

// A workload that is new or has changed; or, without `report`, one that is gone.
struct ReportChange {
  std::shared_ptr<const WorkloadReport> report;
  Workload gone;
};

// What a watcher has not seen yet.
struct ReportChanges {
  bool resync = false;  // `changes` are all there are: the watcher is new, or was too slow
  std::vector<ReportChange> changes;
  int64_t next = 0;  // to ask with the next time
};

// Thread-safe.
class ReportBoard {
 public:
  // Changes that are kept for watchers; who is further behind gets all workloads anew.
  static constexpr size_t kMaxChanges = 4096;
  // A watcher that has seen nothing yet.
  static constexpr int64_t kFromStart = -1;

  explicit ReportBoard(const Clock& clock) : clock_(clock) {}

  void Publish(std::shared_ptr<const LocalityReport> report);

  // The latest; an empty one before the first Publish. Never null.
  std::shared_ptr<const LocalityReport> Latest() const;

  // What has changed since `next` (kFromStart, or as the last call returned it); waits for it,
  // `timeout` at most. Before the first report nothing is a change.
  ReportChanges WaitForChanges(int64_t next, absl::Duration timeout) const;

 private:
  // Tells of the workloads that the latest report has not.
  void DropGone() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  mutable Mutex mutex_;
  mutable ConditionVariable changed_;
  std::shared_ptr<const LocalityReport> latest_ ABSL_GUARDED_BY(mutex_);
  // What watchers were told of each workload, by cgroup path.
  std::map<std::string, std::shared_ptr<const WorkloadReport>> told_ ABSL_GUARDED_BY(mutex_);
  std::deque<ReportChange> changes_ ABSL_GUARDED_BY(mutex_);
  int64_t first_ ABSL_GUARDED_BY(mutex_) = 0;  // number of changes_.front()
  bool has_report_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_REPORT_REPORT_BOARD_H_
