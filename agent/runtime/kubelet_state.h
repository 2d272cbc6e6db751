// The CPUs and memory nodes that kubelet's CPU and memory managers have assigned to containers,
// from the files in which the managers keep their state over restarts: cpu_manager_state and
// memory_manager_state. Kubelet guarantees no format, so entries of an unknown form are skipped.
#ifndef NUMALOCALITY_AGENT_RUNTIME_KUBELET_STATE_H_
#define NUMALOCALITY_AGENT_RUNTIME_KUBELET_STATE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/engine/workload/name_source.h"

namespace numalocality {

// Thread-safe.
class KubeletState final : public NameSource {
 public:
  // `directory`: kubelet's root directory, which contains one of the files or both.
  explicit KubeletState(absl::string_view directory) : directory_(directory) {}

  std::string name() const override { return "kubelet state files"; }
  std::string id() const override { return "kubelet_state"; }
  std::string address() const override { return directory_; }

  // Returns assignments by pod UID and container name. NOT_FOUND if neither file exists,
  // INVALID_ARGUMENT if one is not a JSON object, RESOURCE_EXHAUSTED if one exceeds 1 MiB.
  absl::StatusOr<std::vector<KnownContainer>> Read() override;

 private:
  const std::string directory_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RUNTIME_KUBELET_STATE_H_
