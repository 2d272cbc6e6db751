// The interface through which the engine uses the container runtime. agent/runtime implements it.
// Without a configured runtime there is no such object.
#ifndef NUMALOCALITY_AGENT_ENGINE_WORKLOAD_CONTAINER_RESOURCES_H_
#define NUMALOCALITY_AGENT_ENGINE_WORKLOAD_CONTAINER_RESOURCES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/model/id_set.h"

namespace numalocality {

// Thread-safe. A call takes a few seconds at most.
class ContainerResources {
 public:
  virtual ~ContainerResources() = default;

  // Sets a running container's cpuset.mems through the runtime, which stores it, so that a later
  // update of another resource does not reset it. `nodes` must not be empty: runtimes take an empty
  // set for "no change".
  virtual absl::Status SetMems(const std::string& container_id, const NodeSet& nodes) = 0;

  // Name and version, such as "containerd v1.6.20". UNAVAILABLE or PERMISSION_DENIED if it does not
  // answer.
  virtual absl::StatusOr<std::string> Describe() = 0;

  // Its socket.
  virtual std::string address() const = 0;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_WORKLOAD_CONTAINER_RESOURCES_H_
