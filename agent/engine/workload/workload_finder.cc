#include "agent/engine/workload/workload_finder.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/engine/workload/name_directory.h"
#include "agent/os/base/file.h"
#include "agent/os/cgroup/cgroup_layout.h"
#include "agent/os/cgroup/parse_cgroup.h"
#include "agent/os/process/parse_proc.h"
#include "agent/os/process/process_cgroup.h"
#include "agent/os/process/process_handle.h"

namespace numalocality {
namespace {

// Most listings of one workload's processes while new ones keep appearing.
constexpr int kMaxListings = 4;

// Longer paths are left out: the kernel opens none (PATH_MAX), and any user of the host may nest
// cgroups below its own. Containers do not nest this deep.
constexpr size_t kMaxCgroupPath = 2048;

// Whether tenants cannot create cgroups in the one at `path`: the root, a slice of slices, or
// kubelet's tree with the cgroupfs driver.
bool IsOfSystem(absl::string_view path) {
  const std::vector<absl::string_view> names = absl::StrSplit(path, '/', absl::SkipEmpty());
  return names.empty() || names.front() == "kubepods" || names.front() == "kubelet" ||
         std::all_of(names.begin(), names.end(),
                     [](absl::string_view name) { return absl::EndsWith(name, ".slice"); });
}

absl::string_view ParentOf(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

// How many cgroups may still be visited below a cgroup, and below those above it.
struct VisitLimit {
  int most = 0;
  bool is_users = false;  // the cgroup belongs to another user than the root cgroup does
  VisitLimit* outer = nullptr;
  int left = most;

  // Counts a visit. Returns whether all limits permit it.
  bool Visit() {
    const bool outer_permits = outer == nullptr || outer->Visit();
    return --left >= 0 && outer_permits;
  }
};

// The limit that begins at the cgroup at `path`; nullopt if none does.
std::optional<VisitLimit> LimitAt(absl::string_view path, bool is_users, VisitLimit* outer) {
  if (is_users && (outer == nullptr || !outer->is_users)) {
    return VisitLimit{kMostTenantCgroups, true, outer};
  }
  if (IsOfSystem(path)) return std::nullopt;
  if (IsOfSystem(ParentOf(path))) return VisitLimit{kMostUnitCgroups, is_users, outer};
  if (IsOfSystem(ParentOf(ParentOf(path)))) {
    return VisitLimit{kMostUnitChildCgroups, is_users, outer};
  }
  return std::nullopt;
}

// Adds the containers in `cgroup` and below it to `found`. `root_owner` owns the root cgroup;
// `outer` is null without a limit.
absl::Status AddContainers(const Host& host, const CgroupDir& cgroup, uid_t root_owner,
                           VisitLimit* outer, WorkloadTree& found) {
  if (auto parsed = ParseContainerCgroup(cgroup.path()); parsed.has_value()) {
    found.workloads.push_back(
        {cgroup.path(), cgroup.id(), std::move(parsed->container), std::nullopt});
    return absl::OkStatus();
  }
  found.directories.push_back(cgroup.path());
  NL_ASSIGN_OR_RETURN(const uid_t owner, cgroup.ReadOwner());
  std::optional<VisitLimit> own = LimitAt(cgroup.path(), owner != root_owner, outer);
  VisitLimit* const limit = own.has_value() ? &*own : outer;
  ReadBudget budget(limit == nullptr ? kRequestLimits : kTenantLimits);
  auto children = cgroup.ListChildren(budget);
  if (limit != nullptr && absl::IsResourceExhausted(children.status())) {
    limit->left = -1;
    children = std::vector<std::string>();
  }
  NL_RETURN_IF_ERROR(children.status());
  const std::string prefix = cgroup.path() == "/" ? "/" : cgroup.path() + "/";
  for (const std::string& name : *children) {
    if (limit != nullptr && !limit->Visit()) break;
    if (prefix.size() + name.size() > kMaxCgroupPath) continue;
    const auto child = CgroupDir::Open(host, prefix + name);
    const absl::Status status =
        child.ok() ? AddContainers(host, *child, root_owner, limit, found) : child.status();
    if (!status.ok() && !absl::IsNotFound(status)) return status;  // removed meanwhile
  }
  if (own.has_value() && own->left < 0) found.too_large[cgroup.path()] = own->most;
  return absl::OkStatus();
}

absl::Status IsRecreated(const Workload& workload) {
  return absl::NotFoundError(
      absl::StrCat(workload.ToString(), ": is gone; a new cgroup has the same path"));
}

// Names of a pod without a container match all its containers.
bool HasNames(const ContainerNames& names, const ContainerNames& wanted) {
  return names.pod_namespace == wanted.pod_namespace && names.pod == wanted.pod &&
         (wanted.container.empty() || names.container == wanted.container);
}

bool Matches(const Workload& workload, const WorkloadSelector& selector) {
  const ContainerRef& container = *workload.container;
  if (selector.names.has_value() && !HasNames(workload.names, *selector.names)) return false;
  if (selector.pod_uid.has_value() &&
      container.pod_uid != absl::StrReplaceAll(*selector.pod_uid, {{"_", "-"}})) {
    return false;
  }
  return !selector.container_id.has_value() ||
         absl::StartsWith(container.container_id, *selector.container_id);
}

// The selector in the form that Matches compares. INVALID_ARGUMENT unless it selects in one way.
absl::StatusOr<WorkloadSelector> Normalize(WorkloadSelector selector) {
  const int names = selector.pid.has_value() + selector.cgroup_path.has_value() +
                    (selector.pod_uid.has_value() || selector.container_id.has_value()) +
                    selector.names.has_value();
  if (names != 1) {
    return absl::InvalidArgumentError(
        "select each workload in exactly one way: pod UID, container id, cgroup path, PID or "
        "resource name");
  }
  if (selector.container_id.has_value()) {
    selector.container_id = std::string(WithoutScheme(*selector.container_id));
    if (selector.container_id->size() < kMinContainerIdPrefix) {
      return absl::InvalidArgumentError(absl::StrCat("container id '", *selector.container_id,
                                                     "': give at least its first ",
                                                     kMinContainerIdPrefix, " characters"));
    }
  }
  return selector;
}

}  // namespace

absl::StatusOr<WorkloadTree> WorkloadFinder::Walk() const {
  NL_ASSIGN_OR_RETURN(const CgroupDir root, CgroupDir::Open(host_, "/"));
  WorkloadTree found;
  NL_ASSIGN_OR_RETURN(const uid_t owner, root.ReadOwner());
  NL_RETURN_IF_ERROR(AddContainers(host_, root, owner, nullptr, found));
  std::erase_if(found.workloads, [this](const Workload& w) { return !IsInView(w); });
  for (Workload& workload : found.workloads) Describe(workload);
  PresumeSandboxes(found.workloads);
  std::sort(found.workloads.begin(), found.workloads.end(),
            [](const Workload& a, const Workload& b) { return a.cgroup_path < b.cgroup_path; });
  return found;
}

absl::StatusOr<std::vector<Workload>> WorkloadFinder::FindAll() const {
  NL_ASSIGN_OR_RETURN(WorkloadTree tree, Walk());
  return std::move(tree.workloads);
}

absl::StatusOr<std::vector<Workload>> WorkloadFinder::Find(const WorkloadSelector& raw) const {
  NL_ASSIGN_OR_RETURN(const WorkloadSelector selector, Normalize(raw));
  if (selector.pid.has_value()) {
    NL_ASSIGN_OR_RETURN(Workload workload, FindProcess(*selector.pid));
    return std::vector<Workload>{std::move(workload)};
  }
  if (selector.cgroup_path.has_value()) {
    NL_ASSIGN_OR_RETURN(Workload workload, FindCgroup(*selector.cgroup_path));
    if (selector.cgroup_id.value_or(workload.cgroup_id) != workload.cgroup_id) {
      return IsRecreated(workload);
    }
    return std::vector<Workload>{std::move(workload)};
  }
  NL_ASSIGN_OR_RETURN(std::vector<Workload> workloads, FindAll());
  const bool has_names = std::any_of(workloads.begin(), workloads.end(),
                                     [](const Workload& w) { return w.names != ContainerNames(); });
  if (selector.names.has_value() && !has_names) return NoNames(selector);
  std::erase_if(workloads, [&](const Workload& w) { return !Matches(w, selector); });
  if (workloads.empty()) {
    return absl::NotFoundError(absl::StrCat(
        selector.ToString(),
        ": no such container on this machine; 'localityctl top' lists its containers"));
  }
  if (selector.container_id.has_value() && workloads.size() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(selector.ToString(), ": ", workloads.size(),
                     " containers have ids that begin like this; give more characters"));
  }
  return workloads;
}

absl::StatusOr<Workload> WorkloadFinder::FindProcess(pid_t pid) const {
  if (pid <= 0) return absl::InvalidArgumentError(absl::StrCat("process ", pid, ": not a PID"));
  const auto stat = ReadStat(host_, pid);
  if (absl::IsNotFound(stat.status())) {
    return absl::NotFoundError(absl::StrCat("process ", pid, ": not found"));
  }
  if (!stat.ok()) return stat.status();
  NL_ASSIGN_OR_RETURN(const std::string text,
                      ReadFile(absl::StrCat(host_.proc, "/", pid, "/cgroup")));
  Workload workload;
  workload.process = ProcessId{pid, stat->start_ticks};
  // Hosts without cgroups that count memory have no such line; migrations work without it.
  if (const auto path = ProcessCgroup(host_, text); path.ok()) {
    workload.cgroup_path = *path;
    if (auto parsed = ParseContainerCgroup(*path); parsed.has_value()) {
      workload.container = std::move(parsed->container);
      Describe(workload);
    }
  }
  return workload;
}

absl::StatusOr<Workload> WorkloadFinder::FindCgroup(const std::string& path) const {
  NL_ASSIGN_OR_RETURN(const CgroupLayout layout, FindCgroupLayout(host_));
  absl::string_view below_root = path;
  for (const std::string& root : {layout.memory, layout.cpuset, host_.cgroup}) {
    if (absl::ConsumePrefix(&below_root, root)) break;
  }
  while (below_root.size() > 1 && absl::ConsumeSuffix(&below_root, "/")) {
  }
  const auto cgroup = CgroupDir::Open(host_, std::string(below_root));
  if (absl::IsNotFound(cgroup.status())) {
    return absl::NotFoundError(absl::StrCat("cgroup ", LogSafe(path), ": not found"));
  }
  if (!cgroup.ok()) return cgroup.status();
  Workload workload{cgroup->path(), cgroup->id(), std::nullopt, std::nullopt};
  if (auto parsed = ParseContainerCgroup(cgroup->path()); parsed.has_value()) {
    workload.container = std::move(parsed->container);
    Describe(workload);
  }
  if (IsInView(workload)) return workload;
  return absl::FailedPreconditionError(
      absl::StrCat("cgroup ", LogSafe(path),
                   ": is not in the agent's own pod, the only one whose processes the agent sees; "
                   "set hostPID in the agent's pod to serve the whole machine"));
}

absl::StatusOr<Workload> WorkloadFinder::FindContainerOf(const ProcessHandle& process) const {
  NL_ASSIGN_OR_RETURN(const std::string path, process.ReadCgroup(host_));
  const auto container = ParseContainerCgroup(path);
  if (container.has_value()) return FindCgroup(container->path);
  return absl::NotFoundError(
      absl::StrCat("process ", process.pid(), ": is not in a container of Kubernetes"));
}

bool WorkloadFinder::IsInView(const Workload& workload) const {
  const auto place = host_.own_place();
  return place->only_pod.empty() ||
         (workload.container.has_value() && workload.container->pod_uid == place->only_pod);
}

void WorkloadFinder::Describe(Workload& workload) const {
  if (names_ == nullptr || !workload.container.has_value()) return;
  const ContainerDescription description = names_->Describe(*workload.container);
  workload.names = description.names;
  workload.role = description.role;
}

absl::Status WorkloadFinder::NoNames(const WorkloadSelector& selector) const {
  std::vector<std::string> sources;
  if (names_ != nullptr) {
    for (const SourceStatus& source : names_->Status()) {
      sources.push_back(
          absl::StrCat(source.name, ": ",
                       source.last_read.ok() ? "reports no names" : source.last_read.message()));
    }
  }
  return absl::NotFoundError(
      absl::StrCat(selector.ToString(), ": no container has a known name: ",
                   sources.empty() ? "no name source is configured" : absl::StrJoin(sources, "; "),
                   "; use the pod's UID or the container's id, and see 'localityctl doctor'"));
}

absl::StatusOr<ProcessHandle> WorkloadFinder::OpenProcess(KernelCalls& kernel,
                                                          const Workload& workload,
                                                          pid_t pid) const {
  NL_ASSIGN_OR_RETURN(ProcessHandle process, ProcessHandle::Open(kernel, host_, pid));
  bool is_member = false;
  if (workload.process.has_value()) {
    is_member = process.id() == *workload.process;
  } else {
    NL_ASSIGN_OR_RETURN(const std::string cgroup, process.ReadCgroup(host_));
    is_member = workload.HoldsCgroup(cgroup);
  }
  if (is_member) return process;
  return absl::NotFoundError(
      absl::StrCat("process ", pid, ": has exited, or has left ", workload.ToString()));
}

absl::StatusOr<CgroupDir> WorkloadFinder::OpenCgroup(const Workload& workload) const {
  NL_ASSIGN_OR_RETURN(CgroupDir cgroup, CgroupDir::Open(host_, workload.cgroup_path));
  if (cgroup.id() != workload.cgroup_id) {
    return IsRecreated(workload);
  }
  return cgroup;
}

absl::StatusOr<WorkloadProcesses> WorkloadFinder::ListProcesses(const Workload& workload) const {
  ReadBudget budget;
  return ListProcesses(workload, budget);
}

absl::StatusOr<WorkloadProcesses> WorkloadFinder::ListProcesses(const Workload& workload,
                                                                ReadBudget& budget) const {
  if (workload.process.has_value()) {
    const auto stat = ReadStat(host_, workload.process->pid);
    if (!stat.ok() && !absl::IsNotFound(stat.status())) return stat.status();
    if (!stat.ok() || stat->start_ticks != workload.process->start_ticks) {
      return absl::NotFoundError(workload.ToString() + ": has exited");
    }
    return WorkloadProcesses{{workload.process->pid}, 0, false};
  }
  NL_ASSIGN_OR_RETURN(const CgroupDir cgroup, OpenCgroup(workload));
  std::set<pid_t> pids;
  WorkloadProcesses result;
  result.incomplete = true;
  for (int listing = 0; listing < kMaxListings && result.incomplete; ++listing) {
    NL_ASSIGN_OR_RETURN(const CgroupProcesses processes, cgroup.ReadProcesses(budget));
    const size_t before = pids.size();
    pids.insert(processes.pids.begin(), processes.pids.end());
    result.hidden_count = processes.hidden_count;
    result.incomplete = listing == 0 || pids.size() != before;
    if (listing == 0 && pids.empty()) result.incomplete = false;
  }
  result.pids.assign(pids.begin(), pids.end());
  return result;
}

}  // namespace numalocality
