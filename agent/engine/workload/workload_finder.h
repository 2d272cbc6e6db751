// Finds workloads and their processes: container cgroups → workloads → processes. Only the kernel's
// cgroup tree decides what a workload is; a process cannot claim to be one. Names come from name
// sources.
#ifndef NUMALOCALITY_AGENT_ENGINE_WORKLOAD_WORKLOAD_FINDER_H_
#define NUMALOCALITY_AGENT_ENGINE_WORKLOAD_WORKLOAD_FINDER_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/model/workload.h"
#include "agent/os/base/host.h"
#include "agent/os/base/kernel_calls.h"
#include "agent/os/base/read_budget.h"
#include "agent/os/cgroup/cgroup_dir.h"
#include "agent/os/process/process_handle.h"

namespace numalocality {

class NameDirectory;

// The processes of a workload at one moment.
struct WorkloadProcesses {
  std::vector<pid_t> pids;
  int hidden_count = 0;     // processes outside the agent's PID namespace
  bool incomplete = false;  // new processes still appeared in the last listing
};

// The containers of a host, and the cgroups in which others may be created.
struct WorkloadTree {
  std::vector<Workload> workloads;       // in the order of their paths
  std::vector<std::string> directories;  // cgroups that are neither a container nor in one
  // Cgroups below which there are more than may be visited, and how many that are.
  std::map<std::string, int> too_large = {};
};

// Stateless and thread-safe.
class WorkloadFinder {
 public:
  // `names` may be null: then workloads have no names. It must outlive this.
  explicit WorkloadFinder(const Host& host, const NameDirectory* names = nullptr)
      : host_(host), names_(names) {}

  // All Kubernetes containers of the host, or of OwnPlace::only_pod, in the order of their paths. A
  // container within a container is part of the outer one. FAILED_PRECONDITION without cgroups.
  absl::StatusOr<std::vector<Workload>> FindAll() const;
  // The same, with the cgroups that contain them.
  absl::StatusOr<WorkloadTree> Walk() const;

  // The workloads that `selector` names, at least one. NOT_FOUND if there is none, or if it selects
  // by names and none are known; INVALID_ARGUMENT if the selector is malformed, or the prefix of a
  // container id is ambiguous.
  absl::StatusOr<std::vector<Workload>> Find(const WorkloadSelector& selector) const;

  // The Kubernetes container that a process belongs to. NOT_FOUND if there is none; otherwise as
  // Find with a cgroup path.
  absl::StatusOr<Workload> FindContainerOf(const ProcessHandle& process) const;

  // Lists the workload's processes. NOT_FOUND if its cgroup or process is gone, also if a new
  // cgroup has the same path. RESOURCE_EXHAUSTED if there are too many for the budget; without one,
  // kRequestLimits.
  absl::StatusOr<WorkloadProcesses> ListProcesses(const Workload& workload) const;
  absl::StatusOr<WorkloadProcesses> ListProcesses(const Workload& workload,
                                                  ReadBudget& budget) const;

  // Opens one of the processes that ListProcesses returned. NOT_FOUND if it has exited, also if its
  // PID now belongs to a process outside the workload.
  absl::StatusOr<ProcessHandle> OpenProcess(KernelCalls& kernel, const Workload& workload,
                                            pid_t pid) const;

  // Opens the cgroup of a workload. NOT_FOUND if it is gone, also if a new cgroup has the same
  // path.
  absl::StatusOr<CgroupDir> OpenCgroup(const Workload& workload) const;

 private:
  absl::StatusOr<Workload> FindProcess(pid_t pid) const;
  absl::StatusOr<Workload> FindCgroup(const std::string& path) const;
  // Sets the names and the role, as far as known.
  void Describe(Workload& workload) const;
  // Whether the agent sees its processes, by Host::only_pod.
  bool IsInView(const Workload& workload) const;
  // The error for `selector` if no container has a name, with the state of each name source.
  absl::Status NoNames(const WorkloadSelector& selector) const;

  const Host host_;
  const NameDirectory* const names_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_WORKLOAD_WORKLOAD_FINDER_H_
