// What kubelet's CPU and memory managers have assigned to containers, from the files in which they
// keep their state over restarts: cpu_manager_state and memory_manager_state. Kubelet does not
// promise their format, so what is not understood of them is left out.
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
  // `directory`: kubelet's, with both files or one of them.
  explicit KubeletState(absl::string_view directory) : directory_(directory) {}

  std::string name() const override { return "kubelet state files"; }
  std::string id() const override { return "kubelet_state"; }
  std::string address() const override { return directory_; }

  // Assignments by pod UID and container name. NOT_FOUND if neither file is there,
  // INVALID_ARGUMENT if one is no JSON object, RESOURCE_EXHAUSTED if one has more than 1 MiB.
  absl::StatusOr<std::vector<KnownContainer>> Read() override;

 private:
  const std::string directory_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RUNTIME_KUBELET_STATE_H_
