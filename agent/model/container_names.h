// What the node's other daemons say of containers: names, labels, what kubelet has assigned.
#ifndef NUMALOCALITY_AGENT_MODEL_CONTAINER_NAMES_H_
#define NUMALOCALITY_AGENT_MODEL_CONTAINER_NAMES_H_

#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/model/id_set.h"

namespace numalocality {

// Names as in Kubernetes; empty while they are not known.
struct ContainerNames {
  std::string pod_namespace;
  std::string pod;
  std::string container;
  bool operator==(const ContainerNames&) const = default;
};

// Reads "namespaces/NAMESPACE/pods/POD", or that and "/containers/CONTAINER". INVALID_ARGUMENT if
// it is neither.
absl::StatusOr<ContainerNames> ParseResourceName(absl::string_view text);

// Of a pod, as they were when it was made: the runtime is not told of later changes.
struct PodMetadata {
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  bool operator==(const PodMetadata&) const = default;
};

// What kubelet's CPU and memory managers have assigned to a container.
struct KubeletAssignment {
  CpuSet exclusive_cpus;  // none if it shares
  NodeSet memory_nodes;   // none without the memory manager's static policy
  bool operator==(const KubeletAssignment&) const = default;
};

// All that is known of one container.
struct ContainerDescription {
  ContainerNames names;
  std::optional<PodMetadata> metadata;          // nullopt: not known
  std::optional<KubeletAssignment> assignment;  // nullopt: none, or not known
  bool operator==(const ContainerDescription&) const = default;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_CONTAINER_NAMES_H_
