// Names, labels and kubelet's assignments of the containers on this machine. The directory reads
// all name sources periodically and answers from what it has read.
#ifndef NUMALOCALITY_AGENT_ENGINE_WORKLOAD_NAME_DIRECTORY_H_
#define NUMALOCALITY_AGENT_ENGINE_WORKLOAD_NAME_DIRECTORY_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "agent/base/retry_delay.h"
#include "agent/engine/workload/name_source.h"
#include "agent/model/container_names.h"
#include "agent/model/workload.h"

namespace numalocality {

// What the name sources know of containers, joined into one description of each. Sources are
// numbered; where two differ, the one with the lower number is right.
//
// A container's names and a pod's metadata never change for one id, so they stay when their source
// goes away: they are forgotten only if a source answers without them for kKeep. Assignments do
// change: they are those of each source's last answer.
//
// Not thread-safe.
class KnownNames {
 public:
  // How long a name is kept that its source does not report any more: the cgroup may exist a while
  // longer.
  static constexpr absl::Duration kKeep = absl::Minutes(10);

  // Takes in a complete answer of `source` at `now`, a monotonic time. Returns whether any
  // description may have changed.
  bool Learn(size_t source, const std::vector<KnownContainer>& reported, absl::Duration now);

  // Names as far as known; without a container's name for a pod's sandbox.
  ContainerNames NamesOf(const ContainerRef& container) const;

  ContainerDescription Describe(const ContainerRef& container) const;

 private:
  template <typename Value>
  struct Known {
    Value value;
    size_t source = 0;             // the best one that reported it
    absl::Duration last_reported;  // by any source
  };
  struct Container {
    ContainerNames names;
    ContainerRole role = ContainerRole::kUnknown;
    bool operator==(const Container&) const = default;
  };
  struct Pod {
    ContainerNames names;
    std::optional<PodMetadata> metadata;
  };
  // By "uid/container" or "namespace/pod/container".
  using Assignments = std::map<std::string, KubeletAssignment>;

  bool LearnContainer(size_t source, const KnownContainer& reported, absl::Duration now);
  bool LearnPod(size_t source, const KnownContainer& reported, absl::Duration now);
  bool ReplaceAssignments(size_t source, const std::vector<KnownContainer>& reported);
  // Forgets what `source` has not reported for kKeep; returns whether there was anything.
  template <typename Value>
  static bool Forget(size_t source, absl::Duration now, std::map<std::string, Known<Value>>& known);

  std::map<std::string, Known<Container>> containers_;  // by id
  std::map<std::string, Known<Pod>> pods_;              // by UID
  std::map<size_t, Assignments> assignments_;           // by source
};

// Thread-safe, except for the methods that say otherwise.
class NameDirectory {
 public:
  // How often a source is read that answers; one that fails is read again after RetryDelay.
  static constexpr absl::Duration kPeriod = absl::Seconds(30);
  // Shortest time between two reads of a source, however often Nudge is called.
  static constexpr absl::Duration kShortest = absl::Milliseconds(500);

  // Where two sources differ, the first of them is right. `clock` must outlive this.
  NameDirectory(std::vector<std::unique_ptr<NameSource>> sources, const Clock& clock);
  ~NameDirectory() { Stop(); }

  // Has `changed` called, without locks held, after each read that may have changed a description.
  // Call before Start.
  void OnChange(std::function<void()> changed) { on_change_ = std::move(changed); }

  // Starts a thread that calls ReadAll when a source is due. Call once.
  void Start();

  // Cancels the current read and joins the thread: the function given to OnChange is not called
  // after this. NamesOf and Describe still answer.
  void Stop();

  // Makes one step: reads the sources that are due, one after the other. For one thread at a time.
  void ReadAll();

  // Makes the sources that answer due soon: call it when a container has no names.
  void Nudge();

  // What is known now, without reading a source.
  ContainerNames NamesOf(const ContainerRef& container) const;
  ContainerDescription Describe(const ContainerRef& container) const;

  // Whether a source of containers' namespaces, or of pods' annotations, exists: what it does not
  // report is not known yet.
  bool ExpectsNames() const;
  bool ExpectsMetadata() const;

  // Of all sources, in their order.
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
  // Reads one source if it is due. Returns whether any description may have changed.
  bool ReadIfDue(size_t index);
  bool TakeIn(size_t index, const absl::StatusOr<std::vector<KnownContainer>>& read)
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
