// The node's container runtime (containerd, CRI-O, cri-dockerd), called as kubelet calls it (CRI,
// runtime.v1). Whoever can open the runtime's socket is as good as root, so the client is optional
// and off by default.
#ifndef NUMALOCALITY_AGENT_RUNTIME_CRI_CLIENT_H_
#define NUMALOCALITY_AGENT_RUNTIME_CRI_CLIENT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/engine/workload/container_resources.h"
#include "agent/engine/workload/name_source.h"
#include "agent/model/configuration.h"
#include "agent/runtime/daemon.h"

namespace numalocality {

// The full name of the runtime's gRPC service.
inline constexpr char kCriService[] = "runtime.v1.RuntimeService";

// Sets containers' cpuset.mems through the runtime. Errors contain the socket, the call and the
// runtime's message. Thread-safe.
class CriClient final : public ContainerResources {
 public:
  // `socket`: the path of the runtime's unix socket.
  explicit CriClient(const std::string& socket);

  absl::Status SetMems(const std::string& container_id, const NodeSet& nodes) override;
  absl::StatusOr<std::string> Describe() override;
  std::string address() const override { return daemon_.socket(); }

 private:
  const Daemon daemon_;
};

// The client of the configured runtime; null if no runtime is configured.
std::unique_ptr<ContainerResources> MakeContainerResources(const SourceOptions& options);

// Names, labels and annotations of pods, as kubelet passed them to the runtime when it created the
// pods' sandboxes. Thread-safe.
class CriNames final : public NameSource {
 public:
  // `socket`: the path of the runtime's unix socket. If it is configured but does not exist, Read
  // returns UNAVAILABLE.
  explicit CriNames(const std::string& socket);

  std::string name() const override { return "pods of the runtime"; }
  std::string id() const override { return "cri"; }
  std::string address() const override { return daemon_.socket(); }

  // Returns every sandbox, without a container name, and every container that has not exited.
  // Annotations of more than 1 KiB are left out. Takes two calls.
  absl::StatusOr<std::vector<KnownContainer>> Read() override;
  void Cancel() override { daemon_.Cancel(); }

 private:
  Daemon daemon_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RUNTIME_CRI_CLIENT_H_
