// What the agent looks after: a container, known by its cgroup, or one process outside any.
#ifndef NUMALOCALITY_AGENT_MODEL_WORKLOAD_H_
#define NUMALOCALITY_AGENT_MODEL_WORKLOAD_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "agent/model/container_names.h"
#include "agent/model/enum_table.h"
#include "agent/model/ids.h"

namespace numalocality {

// Whether the cgroup at path `inner` is that at `outer`, or lies below it.
bool IsWithin(const std::string& inner, const std::string& outer);

// A pod's quality of service class, as Kubernetes defines it.
enum class QosClass { kGuaranteed, kBurstable, kBestEffort };
const EnumTable<QosClass>& TableOf(QosClass);

// What a cgroup path says about the container in it.
struct ContainerRef {
  std::string pod_uid;       // with dashes; 32 hex digits without for static pods
  std::string container_id;  // 64 hex digits
  QosClass qos = QosClass::kGuaranteed;
  bool operator==(const ContainerRef&) const = default;
};

// A container, a plain cgroup, or (with `process`) one process.
struct Workload {
  // Path below the cgroup root, "/" first: "/kubepods/burstable/pod<uid>/<id>". Of the process's
  // own cgroup when `process` is set; "" if unknown.
  std::string cgroup_path;
  // The kernel's id of that cgroup. A cgroup made anew under the same path has another one.
  uint64_t cgroup_id = 0;
  std::optional<ContainerRef> container;  // nullopt outside Kubernetes
  std::optional<ProcessId> process;       // only this process of the cgroup
  ContainerNames names = {};              // as far as known

  // "pod <uid> container <first 12 of id>", "cgroup <path>" or "process <pid>", for messages.
  std::string ToString() const;

  // Whether a process in the cgroup at `path` belongs to this container or cgroup.
  bool HoldsCgroup(const std::string& path) const;

  // Whether both are the same cgroup, or the same process, and not another that has its name now.
  bool IsSame(const Workload& other) const;

  // Whether moving both at once would move the same process twice.
  bool Overlaps(const Workload& other) const;
};

// How a caller names workloads; exactly one of the members that name is set. A pod UID alone means
// all its containers.
struct WorkloadSelector {
  std::optional<std::string> pod_uid;
  std::optional<std::string> container_id;  // alone, or together with pod_uid
  std::optional<std::string> cgroup_path;
  std::optional<pid_t> pid;
  std::optional<ContainerNames> names = {};  // without a container: all of the pod

  std::string ToString() const;
  bool operator==(const WorkloadSelector&) const = default;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_WORKLOAD_H_
