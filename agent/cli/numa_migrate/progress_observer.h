// Watches a migration for the user: draws progress, ends the migration on a signal, and reports
// stalled kernel calls.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_PROGRESS_OBSERVER_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_PROGRESS_OBSERVER_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "agent/cli/progress.h"
#include "agent/engine/move/workload_mover.h"

namespace numalocality::numa_migrate {

// A kernel call that waits for a real-time task cannot be interrupted, so a separate thread watches
// the calls and receives the signals that come meanwhile. Call CatchEndSignals before.
class ProgressObserver final : public MigrationObserver {
 public:
  // `clock` must outlive this. `give_up` restores what was changed and ends the program. It is
  // called on the watching thread after a second signal if a call is stalled.
  ProgressObserver(const Clock& clock, int64_t page_bytes, std::function<void()> give_up);
  ~ProgressObserver() override { Finish(); }

  MigrationReason StopReason() override;
  void OnBatch(int worker, pid_t pid, int64_t pages) override;
  void OnBatchEnd(int worker) override;
  void OnProgress(const WorkloadMigration& result) override;

  // Removes the bar and stops watching. Call it when the migration is over.
  void Finish();

 private:
  struct Batch {
    pid_t pid;
    int64_t pages;
    absl::Duration start;  // monotonic
    bool is_reported = false;
  };

  void Watch();
  void ReportStalledCalls() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  const int64_t page_bytes_;
  const std::function<void()> give_up_;
  Mutex mutex_;
  ConditionVariable stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Progress progress_ ABSL_GUARDED_BY(mutex_);
  std::map<int, Batch> batches_ ABSL_GUARDED_BY(mutex_);  // by worker
  std::thread watcher_;
};

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_PROGRESS_OBSERVER_H_
