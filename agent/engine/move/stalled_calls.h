// The kernel calls of a migration that have not returned, and the one among them that has stalled.
// A move_pages call waits until all CPUs have drained their LRU caches, so a real-time task that
// never yields a CPU can stall it (mm/swap.c, lru_add_drain_all). Such a call can be neither
// interrupted nor killed: the Migrator reports it and replaces the worker that waits for it.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_STALLED_CALLS_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_STALLED_CALLS_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>

#include "absl/time/time.h"

namespace numalocality {

// A call that takes longer is stalled.
inline constexpr absl::Duration kStalledAfter = absl::Seconds(5);

// Not thread-safe. Times are monotonic.
class CallsInFlight {
 public:
  // Worker `worker` of the migration calls move_pages for `pages` pages of process `pid`.
  void Begin(int worker, pid_t pid, int64_t pages, absl::Duration now) {
    calls_[worker] = {pid, pages, now};
  }
  void End(int worker) { calls_.erase(worker); }
  void Clear() { calls_.clear(); }

  // Whether one of the calls has stalled.
  bool HaveStalled(absl::Duration now) const;

  // The call that the migration has waited for longest, for people. Without a call, the migration
  // waits for a read of its processes' memory.
  std::string Describe(absl::Duration now) const;

 private:
  struct Call {
    pid_t pid = 0;
    int64_t pages = 0;
    absl::Duration start;
  };

  const Call* Oldest() const;  // null without calls

  std::map<int, Call> calls_;  // by worker
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_STALLED_CALLS_H_
