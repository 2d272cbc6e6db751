#include "agent/engine/workload_jobs.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace numalocality {

WorkloadJobs::WorkloadJobs(const Clock& clock, std::function<void()> on_late)
    : clock_(clock),
      on_late_(std::move(on_late)),
      watchdog_(clock, [this] { ReplaceSlow(); }),
      workers_(kMaxReplaced, [this] {
        MutexLock lock(mutex_);
        BeginNext();
      }) {}

WorkloadJobs::~WorkloadJobs() {
  Stop(absl::ZeroDuration());
  watchdog_.Stop();
}

void WorkloadJobs::Start() {
  watchdog_.Start();
  workers_.SetWorkers(kWorkers);
  MutexLock lock(mutex_);
  has_threads_ = true;
}

std::vector<std::string> WorkloadJobs::Stop(absl::Duration grace) {
  const absl::Duration end = Clock::System().Monotonic() + grace;
  MutexLock lock(mutex_);
  stopping_ = true;
  for (const Waiting& waiting : waiting_) busy_.erase(waiting.workload);
  waiting_.clear();
  while (running_count_ > 0) {
    const absl::Duration left = end - Clock::System().Monotonic();
    if (left <= absl::ZeroDuration()) break;
    changed_.WaitFor(mutex_, left);
  }
  return watchdog_.DescribeAll();
}

void WorkloadJobs::Run(uint64_t workload, std::string name, Job job) {
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    Busy& busy = busy_[workload];
    busy.since = clock_.Monotonic();
    busy.is_awaited = has_threads_;
    if (has_threads_) {
      waiting_.push_back({workload, std::move(name), std::move(job)});
      return BeginNext();
    }
  }
  Ending ending = job(JobWatch());
  MutexLock lock(mutex_);
  ended_.push_back({workload, std::move(ending)});
}

void WorkloadJobs::BeginNext() {
  while (!waiting_.empty() && workers_.HasFree()) {
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    Busy& busy = busy_.at(next.workload);
    busy.since = clock_.Monotonic();
    busy.watch = watchdog_.Begin(std::move(next.name));
    ++running_count_;
    busy.worker_job =
        workers_.Run([this, workload = next.workload, watch = busy.watch,
                      job = std::move(next.job)] { RunOnWorker(workload, watch, job); });
  }
}

JobWatch WorkloadJobs::WatchOf(int64_t watch) {
  JobWatch result;
  result.begin_call = [this, watch](std::string call) {
    watchdog_.BeginCall(watch, 0, std::move(call));
  };
  const absl::Duration end = clock_.Monotonic() + kLongestJob;
  result.is_cancelled = [this, end] {
    if (clock_.Monotonic() > end) return true;
    MutexLock lock(mutex_);
    return stopping_;
  };
  return result;
}

void WorkloadJobs::RunOnWorker(uint64_t workload, int64_t watch, const Job& job) {
  Ending ending = job(WatchOf(watch));
  watchdog_.End(watch);
  bool is_late = false;
  {
    MutexLock lock(mutex_);
    ended_.push_back({workload, std::move(ending)});
    --running_count_;
    is_late = !is_owner_waiting_ && !stopping_;
    changed_.NotifyAll();
  }
  if (is_late) on_late_();
}

std::optional<absl::Duration> WorkloadJobs::BusyFor(uint64_t workload) const {
  MutexLock lock(mutex_);
  const auto found = busy_.find(workload);
  if (found == busy_.end()) return std::nullopt;
  return clock_.Monotonic() - found->second.since;
}

std::string WorkloadJobs::Describe(uint64_t workload) const {
  MutexLock lock(mutex_);
  const auto found = busy_.find(workload);
  if (found == busy_.end() || found->second.watch == 0) {
    return absl::StrCat("it waits for a free thread: ", running_count_,
                        " other workloads are being read");
  }
  return watchdog_.Describe(found->second.watch);
}

bool WorkloadJobs::HasEndings() const {
  MutexLock lock(mutex_);
  return !ended_.empty();
}

bool WorkloadJobs::IsAwaitingMore() const {
  return std::any_of(busy_.begin(), busy_.end(),
                     [](const auto& entry) { return entry.second.is_awaited; });
}

void WorkloadJobs::CallEndings(absl::Duration patience) {
  // In real time: that is what jobs take, whatever the clock shows.
  const absl::Duration end = Clock::System().Monotonic() + patience;
  while (true) {
    CallReady();
    MutexLock lock(mutex_);
    if (!ended_.empty()) continue;
    const absl::Duration left = end - Clock::System().Monotonic();
    is_owner_waiting_ = left > absl::ZeroDuration() && IsAwaitingMore();
    if (!is_owner_waiting_) {
      for (auto& [workload, busy] : busy_) busy.is_awaited = false;
      return;
    }
    changed_.WaitFor(mutex_, left);
  }
}

void WorkloadJobs::CallReady() {
  std::vector<Ended> ended;
  {
    MutexLock lock(mutex_);
    ended.swap(ended_);
    for (const Ended& each : ended) busy_.erase(each.workload);
  }
  for (const Ended& each : ended) {
    if (each.ending) each.ending();
  }
}

void WorkloadJobs::ReplaceSlow() {
  MutexLock lock(mutex_);
  if (waiting_.empty()) return;
  for (const auto& [workload, busy] : busy_) {
    if (busy.worker_job != 0 && clock_.Monotonic() - busy.since > kReplacedAfter) {
      workers_.Replace(busy.worker_job);
    }
  }
  BeginNext();
}

}  // namespace numalocality
