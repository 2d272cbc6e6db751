#include "agent/cli/numa_migrate/progress_observer.h"

#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/cli/numa_migrate/end_signal.h"
#include "agent/engine/watchdog.h"

namespace numalocality::numa_migrate {
namespace {

constexpr absl::Duration kBetweenChecks = absl::Milliseconds(100);

}  // namespace

ProgressObserver::ProgressObserver(const Clock& clock, int64_t page_bytes,
                                   std::function<void()> give_up)
    : clock_(clock),
      page_bytes_(page_bytes),
      give_up_(std::move(give_up)),
      progress_(clock),
      watcher_([this] { Watch(); }) {}

MigrationReason ProgressObserver::StopReason() {
  return EndSignal() != 0 ? MigrationReason::kCancelled : MigrationReason::kNone;
}

void ProgressObserver::OnBatch(int worker, pid_t pid, int64_t pages) {
  LeaveEndSignalsToOthers(true);
  MutexLock lock(mutex_);
  batches_[worker] = {pid, pages, clock_.Monotonic()};
}

void ProgressObserver::OnBatchEnd(int worker) {
  {
    MutexLock lock(mutex_);
    batches_.erase(worker);
  }
  LeaveEndSignalsToOthers(false);
}

void ProgressObserver::OnProgress(const WorkloadMigration& result) {
  MutexLock lock(mutex_);
  progress_.Update(ApiNameOf(result.state), result.outcomes[PageOutcome::kMoved] * page_bytes_,
                   result.pages_planned * page_bytes_);
}

void ProgressObserver::Finish() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    progress_.Clear();
    stop_.NotifyAll();
  }
  if (watcher_.joinable()) watcher_.join();
}

void ProgressObserver::Watch() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    ReportStalledCalls();
    stop_.WaitFor(mutex_, kBetweenChecks);
  }
}

void ProgressObserver::ReportStalledCalls() {
  const absl::Duration now = clock_.Monotonic();
  for (auto& [worker, batch] : batches_) {
    const absl::Duration time = now - batch.start;
    if (time <= kStalledAfter) continue;
    if (!std::exchange(batch.is_reported, true)) {
      progress_.Clear();
      std::cerr << absl::StrCat(
          "Note: move_pages of ", batch.pages, " pages of process ", batch.pid,
          " has not returned since ",
          absl::FormatTime("%H:%M:%S", clock_.Now() - time, absl::LocalTimeZone()),
          "; it probably waits for a real-time task to leave a CPU. Press Ctrl-C once to end "
          "numa-migrate after this call, twice to end it now\n");
    }
    if (EndSignalCount() > 1) give_up_();
  }
}

}  // namespace numalocality::numa_migrate
