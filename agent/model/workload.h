// Workloads: what the agent looks after, that is a container, a cgroup or a process.
#ifndef NUMALOCALITY_AGENT_MODEL_WORKLOAD_H_
#define NUMALOCALITY_AGENT_MODEL_WORKLOAD_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "agent/model/container_names.h"
#include "agent/model/enum_table.h"
#include "agent/model/ids.h"

namespace numalocality {

// Whether the cgroup at path `inner` is the one at `outer`, or is below it.
bool IsWithin(const std::string& inner, const std::string& outer);

// A pod's quality of service class, as Kubernetes defines it.
enum class QosClass { kGuaranteed, kBurstable, kBestEffort };
const EnumTable<QosClass>& TableOf(QosClass);

// The facts about a container that its cgroup path contains.
struct ContainerRef {
  std::string pod_uid;       // with dashes; for static pods 32 hex digits without dashes
  std::string container_id;  // 64 hex digits
  QosClass qos = QosClass::kGuaranteed;
  bool operator==(const ContainerRef&) const = default;
};

// A container, a plain cgroup, or (with `process`) one process.
struct Workload {
  // The path below the cgroup root, beginning with "/": "/kubepods/burstable/pod<uid>/<id>". If
  // `process` is set, the path of its cgroup, or "" if unknown.
  std::string cgroup_path;
  // The kernel's id of that cgroup. A new cgroup at the same path has another id.
  uint64_t cgroup_id = 0;
  std::optional<ContainerRef> container;         // nullopt outside Kubernetes
  std::optional<ProcessId> process;              // only this process of the cgroup
  ContainerNames names = {};                     // as far as known
  ContainerRole role = ContainerRole::kUnknown;  // of `container`

  // The same for all containers of a pod, and for them only: the pod's UID. The cgroup's path of
  // what belongs to no pod.
  const std::string& PodKey() const;

  // "pod <uid> container <first 12 of id>", "cgroup <path>" or "process <pid>", for messages.
  std::string ToString() const;

  // Whether a process in the cgroup at `path` belongs to this container or cgroup.
  bool HoldsCgroup(const std::string& path) const;

  // Whether both are the same cgroup or process. A new one with the same path or PID is not the
  // same.
  bool IsSame(const Workload& other) const;

  // The path alone may name a newer cgroup, and the id alone another one after a reboot.
  std::pair<std::string, uint64_t> CgroupKey() const { return {cgroup_path, cgroup_id}; }

  // Whether moving both at once would move the same process twice. Of cgroups with the same path,
  // only the same one overlaps.
  bool Overlaps(const Workload& other) const;
};

// Sets the role of the containers that are probably their pods' sandboxes: containerd and
// cri-dockerd create the sandbox's cgroup before those of the other containers and keep it as long
// as the pod exists, and the kernel numbers cgroups in the order of their creation. CRI-O may do
// without one. Changes only unknown roles.
void PresumeSandboxes(std::vector<Workload>& workloads);

// Shortest prefix of a container id that selects; docker and crictl print more.
inline constexpr size_t kMinContainerIdPrefix = 8;

// A container id without the "containerd://" that Kubernetes writes before it.
absl::string_view WithoutScheme(absl::string_view container_id);

// How a caller names workloads. Exactly one member is set, or pod_uid and container_id together. A
// pod UID alone means all containers of the pod.
struct WorkloadSelector {
  std::optional<std::string> pod_uid;
  std::optional<std::string> container_id;  // alone, or together with pod_uid
  std::optional<std::string> cgroup_path;
  std::optional<pid_t> pid;
  std::optional<ContainerNames> names = {};  // without a container: all containers of the pod
  // With cgroup_path: only this cgroup, not a newer one at that path. For the repair loop.
  std::optional<uint64_t> cgroup_id = {};

  // Whether it means all containers of a pod.
  bool IsPod() const;

  std::string ToString() const;
  bool operator==(const WorkloadSelector&) const = default;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_WORKLOAD_H_
