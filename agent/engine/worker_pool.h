// Threads for jobs that may wait for a kernel call that does not return. A job's owner can have its
// worker replaced, so that other jobs need not wait for it.
#ifndef NUMALOCALITY_AGENT_ENGINE_WORKER_POOL_H_
#define NUMALOCALITY_AGENT_ENGINE_WORKER_POOL_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "agent/base/mutex.h"

namespace numalocality {

// Thread-safe. Which job is next is its owner's decision: when a worker has become free, the pool
// calls `on_free`, and the owner runs jobs while HasFree. The owner must do so under one lock.
class WorkerPool {
 public:
  // At most `max_replaced` workers are replaced at a time. Each keeps its thread until its job
  // ends. `on_free` is called on a thread of the pool, without a lock.
  WorkerPool(int max_replaced, std::function<void()> on_free)
      : max_replaced_(max_replaced), on_free_(std::move(on_free)) {}
  ~WorkerPool();  // waits for all jobs

  // How many workers there are; 0 at first. Jobs that are running continue.
  void SetWorkers(int count);

  // Whether fewer jobs run than there are workers. Jobs of replaced workers do not count.
  bool HasFree() const;

  // Runs `job` on an idle thread, or on a new one. Returns its id.
  int64_t Run(std::function<void()> job);

  // Replaces the worker that runs `job`. False if that was done already, the job has ended, or too
  // many are replaced.
  bool Replace(int64_t job);

 private:
  struct Job {
    int64_t id = 0;
    std::function<void()> run;
  };

  void RunJobs();

  const int max_replaced_;
  const std::function<void()> on_free_;
  mutable Mutex mutex_;
  ConditionVariable changed_;
  std::deque<Job> starting_ ABSL_GUARDED_BY(mutex_);             // for idle threads
  std::map<int64_t, bool> is_replaced_ ABSL_GUARDED_BY(mutex_);  // each job that has not ended
  int64_t last_job_ ABSL_GUARDED_BY(mutex_) = 0;
  int worker_count_ ABSL_GUARDED_BY(mutex_) = 0;
  int replaced_count_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t idle_count_ ABSL_GUARDED_BY(mutex_) = 0;  // threads without a job
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_WORKER_POOL_H_
