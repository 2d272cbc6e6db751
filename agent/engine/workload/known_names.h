// What several sources have told of containers, joined into one description of each.
#ifndef NUMALOCALITY_AGENT_ENGINE_WORKLOAD_KNOWN_NAMES_H_
#define NUMALOCALITY_AGENT_ENGINE_WORKLOAD_KNOWN_NAMES_H_

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/engine/workload/name_source.h"
#include "agent/model/container_names.h"
#include "agent/model/workload.h"

namespace numalocality {

// Sources are numbered; where two differ, the lower number is right. A container's names and a
// pod's metadata stay when their source goes away, as they never change for one id: only a source
// that answers, and has no more to tell of them, makes them be forgotten. Assignments change, and
// are those of each source's last answer. Not thread-safe.
class KnownNames {
 public:
  // How long a name is kept that its source does not tell any more: its cgroup may live on for a
  // while.
  static constexpr absl::Duration kKeep = absl::Minutes(10);

  // Takes in all that `source` tells at `now`, a monotonic time. Returns whether any description
  // may be another one than before.
  bool Learn(size_t source, const std::vector<KnownContainer>& told, absl::Duration now);

  // Names as far as known; without a container's name for a pod's sandbox.
  ContainerNames NamesOf(const ContainerRef& container) const;

  ContainerDescription Describe(const ContainerRef& container) const;

 private:
  template <typename Value>
  struct Told {
    Value value;
    size_t source = 0;         // the best one that told it
    absl::Duration last_told;  // by any source
  };
  struct Pod {
    ContainerNames names;
    std::optional<PodMetadata> metadata;
  };
  // By "uid/container" or "namespace/pod/container".
  using Assignments = std::map<std::string, KubeletAssignment>;

  bool LearnContainer(size_t source, const KnownContainer& told, absl::Duration now);
  bool LearnPod(size_t source, const KnownContainer& told, absl::Duration now);
  bool ReplaceAssignments(size_t source, const std::vector<KnownContainer>& told);
  // Whether there was anything to forget of what `source` told best.
  template <typename Value>
  static bool Forget(size_t source, absl::Duration now, std::map<std::string, Told<Value>>& known);

  std::map<std::string, Told<ContainerNames>> containers_;  // by id
  std::map<std::string, Told<Pod>> pods_;                   // by UID
  std::map<size_t, Assignments> assignments_;               // by source
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_WORKLOAD_KNOWN_NAMES_H_
