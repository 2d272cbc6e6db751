#include "agent/engine/worker_pool.h"

namespace numalocality {

WorkerPool::~WorkerPool() {
  std::vector<std::thread> threads;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) thread.join();
}

void WorkerPool::SetWorkers(int count) {
  MutexLock lock(mutex_);
  worker_count_ = count;
}

bool WorkerPool::HasFree() const {
  MutexLock lock(mutex_);
  return static_cast<int>(is_replaced_.size()) - replaced_count_ < worker_count_;
}

int64_t WorkerPool::Run(std::function<void()> job) {
  MutexLock lock(mutex_);
  is_replaced_[++last_job_] = false;
  starting_.push_back({last_job_, std::move(job)});
  if (starting_.size() > idle_count_) {
    threads_.emplace_back([this] { RunJobs(); });
    ++idle_count_;
  }
  changed_.NotifyOne();
  return last_job_;
}

bool WorkerPool::Replace(int64_t job) {
  MutexLock lock(mutex_);
  const auto found = is_replaced_.find(job);
  if (found == is_replaced_.end() || found->second || replaced_count_ >= max_replaced_) {
    return false;
  }
  found->second = true;
  ++replaced_count_;
  return true;
}

void WorkerPool::RunJobs() {
  while (true) {
    Job job;
    {
      MutexLock lock(mutex_);
      while (starting_.empty() && !stopping_) changed_.Wait(mutex_);
      if (starting_.empty()) return;
      job = std::move(starting_.front());
      starting_.pop_front();
      --idle_count_;
    }
    job.run();
    {
      MutexLock lock(mutex_);
      const auto ended = is_replaced_.find(job.id);
      replaced_count_ -= ended->second;
      is_replaced_.erase(ended);
      ++idle_count_;
    }
    on_free_();
  }
}

}  // namespace numalocality
