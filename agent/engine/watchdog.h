// The watchdog: knows the kernel calls in progress, and names those that do not return.
//
// A move_pages call waits until all CPUs have drained their LRU caches, so a real-time task that
// never yields a CPU can stall it (mm/swap.c, lru_add_drain_all). A read of a process's memory
// waits for its mmap lock, which the process may hold while a file system does not answer. Such a
// call can be neither interrupted nor killed: its owner can only report it, and have its WorkerPool
// replace the thread that waits for it.
#ifndef NUMALOCALITY_AGENT_ENGINE_WATCHDOG_H_
#define NUMALOCALITY_AGENT_ENGINE_WATCHDOG_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"

namespace numalocality {

// A call that takes longer is stalled.
inline constexpr absl::Duration kStalledAfter = absl::Seconds(5);

// A call that has not returned from the kernel.
struct StalledCall {
  std::string work;  // on whose behalf: "migration 65f0-1 of prod/db-0/mysql"
  std::string call;  // "move_pages of 64 pages of process 7"
  absl::Time since;
};

// Thread-safe. Callers may hold locks of their own, except `each_second`'s.
class Watchdog {
 public:
  // While work is in progress, a thread calls Check and then `each_second` (not null) once a
  // second.
  Watchdog(const Clock& clock, std::function<void()> each_second)
      : clock_(clock), each_second_(std::move(each_second)) {}
  ~Watchdog();  // Stop

  void Start();
  void Stop();

  // Work begins, such as a migration; `name` is for people. Returns its id, which is not 0.
  int64_t Begin(std::string name);
  void Rename(int64_t work, std::string name);
  void End(int64_t work);

  // Thread `worker` of the work makes `call`; its previous call has returned.
  void BeginCall(int64_t work, int worker, std::string call);
  void EndCall(int64_t work, int worker);
  void EndCalls(int64_t work);

  // Whether one of the work's calls has stalled.
  bool HasStalled(int64_t work) const;
  // The call that the work has waited for longest, for people. Without a call, it waits for a read
  // of memory.
  std::string Describe(int64_t work) const;

  // A line for each work in progress: its name, and Describe.
  std::vector<std::string> DescribeAll() const;

  // All calls that have stalled.
  std::vector<StalledCall> Stalled() const;

  // Logs calls that have stalled, once each. The end of a call that was logged is logged, too.
  void Check();

 private:
  struct Call {
    std::string text;
    absl::Duration start;  // monotonic
    bool is_named = false;
  };
  struct Work {
    std::string name;
    std::map<int, Call> calls;  // by worker
  };

  void Run();
  // The work's oldest call; null without calls.
  const Call* Oldest(int64_t work) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string DescribeOldest(int64_t work) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string Describe(const Call& call) const;
  bool IsStalled(const Call& call) const { return clock_.Monotonic() - call.start > kStalledAfter; }
  // Drops a call; `it` becomes the next one.
  void Drop(Work& work, std::map<int, Call>::iterator& it) const;

  const Clock& clock_;
  const std::function<void()> each_second_;
  mutable Mutex mutex_;
  ConditionVariable begun_;
  ConditionVariable stop_;
  std::map<int64_t, Work> works_ ABSL_GUARDED_BY(mutex_);
  int64_t last_work_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_WATCHDOG_H_
