// Who watches a run for the person in front of it: draws progress, ends the run on a signal, and
// says when the kernel holds a call.
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

// A kernel call that waits for a real-time task can be neither cut short nor interrupted; so a
// thread of this watches, and takes the signals that come meanwhile. CatchEndSignals first.
class ProgressObserver final : public MigrationObserver {
 public:
  // `clock` outlives this. `give_up` puts back what was changed and ends the program; called on the
  // watching thread once a second signal has come and a call is held still.
  ProgressObserver(const Clock& clock, int64_t page_bytes, std::function<void()> give_up);
  ~ProgressObserver() override { Finish(); }

  MigrationReason StopReason() override;
  void OnBatch(int worker, pid_t pid, int64_t pages) override;
  void OnBatchEnd(int worker) override;
  void OnProgress(const WorkloadMigration& result) override;

  // Once the run is over: takes the bar off the terminal, and watches no more.
  void Finish();

 private:
  struct Batch {
    pid_t pid;
    int64_t pages;
    absl::Duration start;  // monotonic
    bool is_told = false;
  };

  void Watch();
  void LogStalledCalls() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

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
