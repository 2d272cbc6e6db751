// Facts about containers from the machine's other daemons: names, labels, kubelet's assignments.
#ifndef NUMALOCALITY_AGENT_MODEL_CONTAINER_NAMES_H_
#define NUMALOCALITY_AGENT_MODEL_CONTAINER_NAMES_H_

#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/model/enum_table.h"
#include "agent/model/id_set.h"

namespace numalocality {

// Names as in Kubernetes; empty while unknown.
struct ContainerNames {
  std::string pod_namespace;
  std::string pod;
  std::string container;
  bool operator==(const ContainerNames&) const = default;
};

// What a container of a pod is there for. Never derived from what its processes say, such as the
// name "pause".
enum class ContainerRole {
  kUnknown,          // no name source knows the container
  kApp,              // a name source knows it by a name: it runs a part of the application
  kSandbox,          // the runtime says that it is the pod's sandbox
  kPresumedSandbox,  // no name source knows it, and it was the first one of its pod
};
const EnumTable<ContainerRole>& TableOf(ContainerRole);

// Parses "namespaces/NAMESPACE/pods/POD", optionally followed by "/containers/CONTAINER".
// INVALID_ARGUMENT for anything else.
absl::StatusOr<ContainerNames> ParseResourceName(absl::string_view text);

// A pod's labels and annotations at its creation: the container runtime does not learn of changes.
struct PodMetadata {
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  bool operator==(const PodMetadata&) const = default;
};

// The assignments of kubelet's CPU and memory managers to a container.
struct KubeletAssignment {
  CpuSet exclusive_cpus;  // none if it uses the shared pool
  NodeSet memory_nodes;   // none without the memory manager's static policy
  bool operator==(const KubeletAssignment&) const = default;
};

// All known facts about one container.
struct ContainerDescription {
  ContainerNames names;
  std::optional<PodMetadata> metadata;          // nullopt: unknown
  std::optional<KubeletAssignment> assignment;  // nullopt: none, or unknown
  ContainerRole role = ContainerRole::kUnknown;
  bool operator==(const ContainerDescription&) const = default;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_CONTAINER_NAMES_H_
