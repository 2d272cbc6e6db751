// The container runtime of the node, as kubelet speaks to it (CRI, runtime.v1): containerd, CRI-O,
// cri-dockerd. Whoever can open its socket is root, so it is optional and off by default.
#ifndef NUMALOCALITY_AGENT_RUNTIME_CRI_CLIENT_H_
#define NUMALOCALITY_AGENT_RUNTIME_CRI_CLIENT_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/engine/container_resources.h"

namespace numalocality {

// Errors name the socket and the call, and carry the runtime's own words. Thread-safe.
class CriClient final : public ContainerResources {
 public:
  // `socket`: path of a unix socket. Connects with the first call, and again after a failure.
  explicit CriClient(const std::string& socket);

  absl::Status SetMems(const std::string& container_id, const NodeSet& nodes) override;
  absl::StatusOr<std::string> Describe() override;
  std::string address() const override { return socket_; }

 private:
  // Calls runtime.v1.RuntimeService/`method`.
  template <typename Request, typename Response>
  absl::Status Call(absl::string_view method, const Request& request, Response& response) const;

  const std::string socket_;
  const std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RUNTIME_CRI_CLIENT_H_
