// Names, labels and assignments of the node's containers, from whichever sources there are: asks
// them again and again, and keeps what they have told at hand.
#ifndef NUMALOCALITY_AGENT_ENGINE_WORKLOAD_NAME_DIRECTORY_H_
#define NUMALOCALITY_AGENT_ENGINE_WORKLOAD_NAME_DIRECTORY_H_

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "agent/base/retry_delay.h"
#include "agent/engine/workload/known_names.h"
#include "agent/engine/workload/name_source.h"
#include "agent/model/container_names.h"
#include "agent/model/workload.h"

namespace numalocality {

// Thread-safe but for what says otherwise.
class NameDirectory {
 public:
  // How often a source is asked that answers; one that fails is asked again after RetryDelay.
  static constexpr absl::Duration kPeriod = absl::Seconds(30);
  // However often Nudge is called, there is so much time between two questions.
  static constexpr absl::Duration kShortest = absl::Milliseconds(500);

  // Of two sources that differ, the first is right. `clock` outlives this.
  NameDirectory(std::vector<std::unique_ptr<NameSource>> sources, const Clock& clock);
  ~NameDirectory() { Stop(); }

  // `changed` is called, without locks, after a reading that may have changed any description. Call
  // before Start.
  void OnChange(std::function<void()> changed) { on_change_ = std::move(changed); }

  // Starts a thread that calls ReadAll when a source is due. Call once.
  void Start();

  // Cancels what the thread is reading, and joins it: after this, what OnChange gave is not called.
  // What is known stays so.
  void Stop();

  // One step: asks the sources that are due, one after the other. For one thread at a time.
  void ReadAll();

  // Has the sources that answer asked soon: somebody has seen a container without names.
  void Nudge();

  // What is known now; looks it up and asks nobody.
  ContainerNames NamesOf(const ContainerRef& container) const;
  ContainerDescription Describe(const ContainerRef& container) const;

  // In their order.
  std::vector<SourceStatus> Status() const;

 private:
  struct Entry {
    std::unique_ptr<NameSource> source;
    SourceStatus status;
    RetryDelay retry;
    absl::Duration last_start = -absl::InfiniteDuration();  // times are monotonic
    absl::Duration next_start = -absl::InfiniteDuration();
  };

  void Run();
  // Asks one source if it is due. Returns whether any description may have changed.
  bool ReadIfDue(size_t index);
  bool TakeIn(size_t index, const absl::StatusOr<std::vector<KnownContainer>>& told)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  std::function<void()> on_change_;
  mutable Mutex mutex_;
  ConditionVariable wake_;
  std::vector<Entry> entries_ ABSL_GUARDED_BY(mutex_);
  KnownNames known_ ABSL_GUARDED_BY(mutex_);
  std::minstd_rand random_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_WORKLOAD_NAME_DIRECTORY_H_
