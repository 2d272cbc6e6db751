// The node's container runtime (containerd, CRI-O, cri-dockerd), called as kubelet calls it (CRI,
// runtime.v1). Whoever can open the runtime's socket is as good as root, so the client is optional
// and off by default.
#ifndef NUMALOCALITY_AGENT_RUNTIME_CRI_CLIENT_H_
#define NUMALOCALITY_AGENT_RUNTIME_CRI_CLIENT_H_

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/base/mutex.h"
#include "agent/engine/workload/container_resources.h"
#include "agent/engine/workload/name_source.h"
#include "agent/model/configuration.h"
#include "agent/runtime/daemon.h"
#include "numalocality/runtime/v1/runtime.pb.h"

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
  // Lists the ids of the containers and sandboxes of this machine.
  using ListIds = std::function<std::vector<std::string>()>;

  // `socket`: the path of the runtime's unix socket. If it is configured but does not exist, Read
  // returns UNAVAILABLE. `list_ids` may be null.
  explicit CriNames(const std::string& socket, ListIds list_ids = nullptr);

  std::string name() const override { return "pods of the runtime"; }
  std::string id() const override { return "cri"; }
  std::string address() const override { return daemon_.socket(); }

  // Returns every sandbox, without a container name, and every container that has not exited. Keeps
  // of annotations only the one that names a policy, and no metadata of a pod with more than 16 KiB
  // of labels. Takes two calls. If an answer is too large for gRPC, asks for each of the ids by
  // itself, and leaves out those whose own answer is too large. What is left out is logged.
  absl::StatusOr<std::vector<KnownContainer>> Read() override;
  void Cancel() override { daemon_.Cancel(); }

 private:
  // Adds the answers about each of `ids` to `all`, and the ids whose answers are too large to
  // `left_out`.
  template <typename Request, typename Response>
  absl::Status ListEach(absl::string_view method, const std::vector<std::string>& ids,
                        Response& all, std::set<std::string>& left_out) const;
  absl::Status ListContainers(runtime::v1::ListContainersResponse& containers,
                              std::set<std::string>& left_out) const;
  absl::Status ListSandboxesOf(const runtime::v1::ListContainersResponse& containers,
                               runtime::v1::ListPodSandboxResponse& sandboxes,
                               std::set<std::string>& left_out) const;
  // Logs what was not left out last time.
  void LogLeftOut(std::set<std::string> left_out) ABSL_LOCKS_EXCLUDED(mutex_);

  Daemon daemon_;
  const ListIds list_ids_;
  Mutex mutex_;
  std::set<std::string> left_out_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RUNTIME_CRI_CLIENT_H_
