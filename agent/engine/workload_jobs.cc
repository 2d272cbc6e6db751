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
  while (!running_.empty()) {
    const absl::Duration left = end - Clock::System().Monotonic();
    if (left <= absl::ZeroDuration()) break;
    changed_.WaitFor(mutex_, left);
  }
  return watchdog_.DescribeAll();
}

void WorkloadJobs::Run(const Workload& workload, std::string name, Job job) {
  const uint64_t id = workload.cgroup_id;
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    Busy& busy = busy_[id];
    busy.pod = workload.PodKey();
    busy.since = clock_.Monotonic();
    busy.is_awaited = has_threads_;
    if (has_threads_) {
      waiting_.push_back({id, std::move(name), std::move(job)});
      return BeginNext();
    }
  }
  Ending ending = job(JobWatch());
  MutexLock lock(mutex_);
  ended_.push_back({id, std::move(ending)});
}

bool WorkloadJobs::MustWaitForItsPod(const std::string& pod) const {
  int running = 0;
  bool some_are_slow = false;
  for (const uint64_t workload : running_) {
    const Busy& busy = busy_.at(workload);
    if (busy.pod != pod) continue;
    ++running;
    some_are_slow = some_are_slow || clock_.Monotonic() - busy.since > kReplacedAfter;
  }
  // The others may become slow, too.
  return some_are_slow && running >= kMaxSlowOfPod;
}

void WorkloadJobs::BeginNext() {
  while (workers_.HasFree()) {
    const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& waiting) {
      return !MustWaitForItsPod(busy_.at(waiting.workload).pod);
    });
    if (found == waiting_.end()) return;
    Waiting next = std::move(*found);
    waiting_.erase(found);
    Busy& busy = busy_.at(next.workload);
    busy.since = clock_.Monotonic();
    busy.watch = watchdog_.Begin(std::move(next.name));
    running_.insert(next.workload);
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
  result.is_stopping = [this] {
    MutexLock lock(mutex_);
    return stopping_;
  };
  result.is_cancelled = [this, end, is_stopping = result.is_stopping] {
    return clock_.Monotonic() > end || is_stopping();
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
    running_.erase(workload);
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
    if (found != busy_.end() && MustWaitForItsPod(found->second.pod)) {
      return "it waits for other containers of its pod, whose reads are slow";
    }
    return absl::StrCat("it waits for a free thread: ", running_.size(),
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
  for (const uint64_t workload : running_) {
    const Busy& busy = busy_.at(workload);
    if (clock_.Monotonic() - busy.since > kReplacedAfter) workers_.Replace(busy.worker_job);
  }
  BeginNext();
}

}  // namespace numalocality
