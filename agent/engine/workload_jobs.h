// Work on single workloads, such as reading a placement, on watched threads: one job at a time for
// each workload. A workload whose job is slow, or does not end, holds up no other one, except for
// those of its pod.
#ifndef NUMALOCALITY_AGENT_ENGINE_WORKLOAD_JOBS_H_
#define NUMALOCALITY_AGENT_ENGINE_WORKLOAD_JOBS_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "agent/engine/watchdog.h"
#include "agent/engine/worker_pool.h"
#include "agent/model/workload.h"

namespace numalocality {

// What a job reports to the watchdog, and whether it should end. The default is for work that
// nobody watches.
struct JobWatch {
  // The job makes `call`, such as "a read of the pages of process 7".
  std::function<void(std::string call)> begin_call = [](const std::string&) {};
  // Whether the job should end: the agent stops, or the job's time is over. Ask between calls.
  std::function<bool()> is_cancelled = [] { return false; };
  // Whether it should end because the agent stops.
  std::function<bool()> is_stopping = [] { return false; };
};

// Stalled is thread-safe. All other methods are for one thread, the owner's.
class WorkloadJobs {
 public:
  // Jobs that run at once, not counting those whose workers were replaced.
  static constexpr int kWorkers = 2;
  // Once this many jobs do not end, other workloads wait.
  static constexpr int kMaxReplaced = 32;
  // The worker of a job that takes longer is replaced if other jobs wait.
  static constexpr absl::Duration kReplacedAfter = absl::Seconds(1);
  // Jobs of one pod that run at once if one of them is slow, that is, takes longer than
  // kReplacedAfter. Its other jobs wait: one pod must not use up kMaxReplaced.
  static constexpr int kMaxSlowOfPod = 2;
  // A job that takes longer is cancelled.
  static constexpr absl::Duration kLongestJob = absl::Seconds(2);

  // What the owner does once a job has ended.
  using Ending = std::function<void()>;
  using Job = std::function<Ending(const JobWatch& watch)>;

  // `on_late` is called on another thread when a job ends while the owner does not wait for it.
  WorkloadJobs(const Clock& clock, std::function<void()> on_late);
  ~WorkloadJobs();  // Stop, then waits for all jobs

  // Until this is called, Run runs jobs itself.
  void Start();

  // Lets no more jobs begin, cancels those that run and waits for them, `grace` at most. Returns a
  // line for each job that still waits for a kernel call.
  std::vector<std::string> Stop(absl::Duration grace);

  // Runs `job` for `workload`, which must not be busy, on a thread as soon as one is free. `name`
  // is for people.
  void Run(const Workload& workload, std::string name, Job job);

  // Whether the workload with this cgroup id has a job whose ending has not been called.
  bool IsBusy(uint64_t workload) const { return BusyFor(workload).has_value(); }
  // How long its job has run, or has waited for a thread if it does not run yet.
  std::optional<absl::Duration> BusyFor(uint64_t workload) const;
  // What a busy workload waits for, for people.
  std::string Describe(uint64_t workload) const;

  // Calls the endings of jobs that have ended. Waits for jobs that were begun since the last call,
  // also by endings; `patience` at most, in real time.
  void CallEndings(absl::Duration patience);
  // Whether there are endings to call.
  bool HasEndings() const;

  // Does the owner's own work, such as a walk through the cgroup tree, which consists of `call`:
  // the watchdog names it if it takes long. Returns what `work` returns.
  template <typename Work>
  auto Watched(std::string name, std::string call, Work work) {
    const int64_t watch = watchdog_.Begin(std::move(name));
    watchdog_.BeginCall(watch, 0, std::move(call));
    auto result = work();
    watchdog_.End(watch);
    return result;
  }

  // Calls that have not returned for kStalledAfter.
  std::vector<StalledCall> Stalled() const { return watchdog_.Stalled(); }

  // Replaces workers of slow jobs if others wait. After Start this is called once a second while
  // jobs run.
  void ReplaceSlow();

 private:
  struct Busy {
    std::string pod;          // see Workload::PodKey
    absl::Duration since;     // given to a worker, or made; monotonic
    bool is_awaited = false;  // begun since the last CallEndings
    int64_t worker_job = 0;   // its id in the WorkerPool; 0 while it waits for a worker
    int64_t watch = 0;        // its id in the Watchdog; 0 while it waits for a worker
  };
  struct Waiting {
    uint64_t workload = 0;
    std::string name;
    Job job;
  };
  struct Ended {
    uint64_t workload = 0;
    Ending ending;
  };

  void BeginNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whether a job of this pod must wait for its slow ones.
  bool MustWaitForItsPod(const std::string& pod) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Runs a job on a worker.
  void RunOnWorker(uint64_t workload, int64_t watch, const Job& job);
  JobWatch WatchOf(int64_t watch);
  // Calls the endings that there are.
  void CallReady() ABSL_LOCKS_EXCLUDED(mutex_);
  bool IsAwaitingMore() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  const std::function<void()> on_late_;
  mutable Mutex mutex_;
  ConditionVariable changed_;
  bool has_threads_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_owner_waiting_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<uint64_t, Busy> busy_ ABSL_GUARDED_BY(mutex_);  // by cgroup id
  std::deque<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  std::set<uint64_t> running_ ABSL_GUARDED_BY(mutex_);  // those of busy_ that have a worker
  std::vector<Ended> ended_ ABSL_GUARDED_BY(mutex_);
  Watchdog watchdog_;   // its lock is taken after mutex_
  WorkerPool workers_;  // likewise
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_WORKLOAD_JOBS_H_
