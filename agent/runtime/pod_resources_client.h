// The exclusive CPUs and memory nodes that kubelet has assigned to containers, from kubelet's
// pod-resources API (package v1). The API is read-only and identifies pods by name, not by UID.
#ifndef NUMALOCALITY_AGENT_RUNTIME_POD_RESOURCES_CLIENT_H_
#define NUMALOCALITY_AGENT_RUNTIME_POD_RESOURCES_CLIENT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/engine/workload/name_source.h"
#include "agent/runtime/daemon.h"

namespace numalocality {

// Thread-safe.
class PodResourcesClient final : public NameSource {
 public:
  // The socket is pod-resources/kubelet.sock in `kubelet_dir`. Kubelet creates it again at each
  // start.
  explicit PodResourcesClient(absl::string_view kubelet_dir);

  std::string name() const override { return "kubelet resources"; }
  std::string id() const override { return "pod_resources"; }
  std::string address() const override { return daemon_.socket(); }

  // Returns the names of all containers, and the assignments of those that have one. Takes one
  // call. NOT_FOUND if the socket does not exist.
  absl::StatusOr<std::vector<KnownContainer>> Read() override;
  void Cancel() override { daemon_.Cancel(); }

 private:
  Daemon daemon_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RUNTIME_POD_RESOURCES_CLIENT_H_
