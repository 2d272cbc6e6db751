// What the engine asks of the container runtime. agent/runtime implements it; without a runtime
// there is none.
#ifndef NUMALOCALITY_AGENT_ENGINE_WORKLOAD_CONTAINER_RESOURCES_H_
#define NUMALOCALITY_AGENT_ENGINE_WORKLOAD_CONTAINER_RESOURCES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/model/id_set.h"

namespace numalocality {

// Thread-safe. Calls take some seconds at most.
class ContainerResources {
 public:
  virtual ~ContainerResources() = default;

  // Sets a running container's cpuset.mems, also in the runtime's own books, so that a later update
  // of something else does not put it back. `nodes` is not empty: runtimes take that for "as it
  // is".
  virtual absl::Status SetMems(const std::string& container_id, const NodeSet& nodes) = 0;

  // "containerd v1.6.20". UNAVAILABLE or PERMISSION_DENIED if it does not answer.
  virtual absl::StatusOr<std::string> Describe() = 0;

  // Where it listens.
  virtual std::string address() const = 0;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_WORKLOAD_CONTAINER_RESOURCES_H_
