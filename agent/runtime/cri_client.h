// The container runtime of the node, as kubelet speaks to it (CRI, runtime.v1): containerd, CRI-O,
// cri-dockerd. Whoever can open its socket is root, so it is optional and off by default.
#ifndef NUMALOCALITY_AGENT_RUNTIME_CRI_CLIENT_H_
#define NUMALOCALITY_AGENT_RUNTIME_CRI_CLIENT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/engine/workload/container_resources.h"
#include "agent/runtime/daemon.h"

namespace numalocality {

// What the runtime's service is called on the wire.
inline constexpr char kCriService[] = "runtime.v1.RuntimeService";

// Errors name the socket and the call, and carry the runtime's own words. Thread-safe.
class CriClient final : public ContainerResources {
 public:
  // `socket`: path of a unix socket.
  explicit CriClient(const std::string& socket);

  absl::Status SetMems(const std::string& container_id, const NodeSet& nodes) override;
  absl::StatusOr<std::string> Describe() override;
  std::string address() const override { return daemon_.socket(); }

 private:
  const Daemon daemon_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RUNTIME_CRI_CLIENT_H_
