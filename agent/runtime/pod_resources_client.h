// What kubelet has assigned to containers, as its pod-resources API tells (package v1): CPUs for
// themselves and memory nodes. Read only; it knows pods by name, not by UID.
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
  // The socket is pod-resources/kubelet.sock in `kubelet_dir`; kubelet makes it anew when it
  // starts.
  explicit PodResourcesClient(absl::string_view kubelet_dir);

  std::string name() const override { return "kubelet resources"; }
  std::string id() const override { return "pod_resources"; }
  std::string address() const override { return daemon_.socket(); }

  // One call. Names, and the assignment of those that have one. NOT_FOUND without the socket.
  absl::StatusOr<std::vector<KnownContainer>> Read() override;
  void Cancel() override { daemon_.Cancel(); }

 private:
  Daemon daemon_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RUNTIME_POD_RESOURCES_CLIENT_H_
