// Watches what the kernel's reclaim does to others while a migration takes page cache as room.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_RECLAIM_WATCH_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_RECLAIM_WATCH_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "agent/model/reclaim_harm.h"
#include "agent/os/base/host.h"

namespace numalocality {

// For one migration. Thread-safe.
class ReclaimWatch {
 public:
  // `clock` must outlive this.
  ReclaimWatch(const Clock& clock, const Host& host) : clock_(clock), host_(host) {}

  // How long to watch the machine before the first page cache is taken.
  static constexpr absl::Duration kWatchFor = absl::Seconds(1);

  struct Answer {
    absl::Duration pause;  // ask again after it; zero: the batch may take page cache
    std::string harm;      // not empty: no batch may, for the rest of the migration
  };
  // Asks before a batch that takes page cache. Reads the counters at most every 100 ms.
  // `ahead_pages`: see HarmOfReclaim.
  Answer MayTake(int64_t ahead_pages);

  // A batch has taken `pages`, in base pages.
  void Took(int64_t pages);

  int64_t taken_pages() const;
  // Page cache of the whole machine that was reclaimed and read again since the first was taken.
  int64_t refaulted_pages() const;

 private:
  // Takes in a new reading.
  void Judge(const ReclaimCounters& now, int64_t ahead_pages) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  const Host host_;
  mutable Mutex mutex_;
  std::optional<ReclaimCounters> before_ ABSL_GUARDED_BY(mutex_);
  std::optional<ReclaimCounters> start_ ABSL_GUARDED_BY(mutex_);
  ReclaimCounters latest_ ABSL_GUARDED_BY(mutex_);
  int64_t taken_pages_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string harm_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_RECLAIM_WATCH_H_
