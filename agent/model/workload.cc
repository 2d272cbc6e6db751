#include "agent/model/workload.h"

#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace numalocality {
namespace {

constexpr EnumTable<QosClass> kQosClasses = {{
    {QosClass::kGuaranteed, "guaranteed", "Guaranteed", ""},
    {QosClass::kBurstable, "burstable", "Burstable", ""},
    {QosClass::kBestEffort, "best_effort", "BestEffort", ""},
}};
static_assert(IsWellFormed(kQosClasses));

}  // namespace

const EnumTable<QosClass>& TableOf(QosClass) { return kQosClasses; }

bool IsWithin(const std::string& inner, const std::string& outer) {
  return inner == outer || outer == "/" || absl::StartsWith(inner, outer + "/");
}

std::string Workload::ToString() const {
  if (process.has_value()) return absl::StrCat("process ", process->pid);
  if (!container.has_value()) return absl::StrCat("cgroup ", cgroup_path);
  return absl::StrCat("pod ", container->pod_uid, " container ",
                      container->container_id.substr(0, 12));
}

const std::string& Workload::PodKey() const {
  return container.has_value() && !container->pod_uid.empty() ? container->pod_uid : cgroup_path;
}

absl::string_view WithoutScheme(absl::string_view container_id) {
  const size_t scheme = container_id.find("://");
  return scheme == absl::string_view::npos ? container_id : container_id.substr(scheme + 3);
}

bool Workload::HoldsCgroup(const std::string& path) const { return IsWithin(path, cgroup_path); }

bool Workload::IsSame(const Workload& other) const {
  return process == other.process && (process.has_value() || CgroupKey() == other.CgroupKey());
}

bool Workload::Overlaps(const Workload& other) const {
  if (process.has_value() && other.process.has_value()) return *process == *other.process;
  const bool ids_are_known = cgroup_id != 0 && other.cgroup_id != 0;
  const bool was_recreated = cgroup_path == other.cgroup_path && cgroup_id != other.cgroup_id;
  if (ids_are_known && was_recreated) return false;
  return (!other.process.has_value() && IsWithin(cgroup_path, other.cgroup_path)) ||
         (!process.has_value() && IsWithin(other.cgroup_path, cgroup_path));
}

void PresumeSandboxes(std::vector<Workload>& workloads) {
  struct Pod {
    Workload* first = nullptr;
    int containers = 0;
  };
  std::map<std::string, Pod> pods;
  for (Workload& workload : workloads) {
    if (!workload.container.has_value()) continue;
    Pod& pod = pods[workload.container->pod_uid];
    ++pod.containers;
    if (pod.first == nullptr || workload.cgroup_id < pod.first->cgroup_id) pod.first = &workload;
  }
  for (const auto& [uid, pod] : pods) {
    const bool is_crio = absl::StrContains(pod.first->cgroup_path, "/crio-");
    if (pod.containers > 1 && !is_crio && pod.first->role == ContainerRole::kUnknown) {
      pod.first->role = ContainerRole::kPresumedSandbox;
    }
  }
}

bool WorkloadSelector::IsPod() const {
  return (pod_uid.has_value() && !container_id.has_value()) ||
         (names.has_value() && names->container.empty());
}

std::string WorkloadSelector::ToString() const {
  if (pid.has_value()) return absl::StrCat("process ", *pid);
  if (cgroup_path.has_value()) return absl::StrCat("cgroup ", *cgroup_path);
  if (pod_uid.has_value() && container_id.has_value()) {
    return absl::StrCat("pod ", *pod_uid, " container ", *container_id);
  }
  if (names.has_value()) {
    return absl::StrCat("pod ", names->pod_namespace, "/", names->pod,
                        names->container.empty() ? "" : " container ", names->container);
  }
  if (pod_uid.has_value()) return absl::StrCat("pod ", *pod_uid);
  return absl::StrCat("container ", container_id.value_or("(none)"));
}

}  // namespace numalocality
