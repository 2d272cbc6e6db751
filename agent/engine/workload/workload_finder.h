// Container cgroups → workloads → host processes. A workload is what the kernel's cgroup tree says
// it is, never what a process claims to be; names are what the node's other daemons call it.
#ifndef NUMALOCALITY_AGENT_ENGINE_WORKLOAD_WORKLOAD_FINDER_H_
#define NUMALOCALITY_AGENT_ENGINE_WORKLOAD_WORKLOAD_FINDER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/model/workload.h"
#include "agent/os/base/host.h"
#include "agent/os/base/kernel_calls.h"
#include "agent/os/cgroup/cgroup_dir.h"
#include "agent/os/process/process_handle.h"

namespace numalocality {

class NameDirectory;

// The processes of a workload at one moment.
struct WorkloadProcesses {
  std::vector<pid_t> pids;
  int hidden_count = 0;     // outside the agent's PID namespace
  bool incomplete = false;  // new ones were still appearing when listing was given up
};

// The containers of a host, and where others may come to be.
struct WorkloadTree {
  std::vector<Workload> workloads;       // in the order of their paths
  std::vector<std::string> directories;  // cgroups that are no container, nor in one
};

// Stateless and thread-safe.
class WorkloadFinder {
 public:
  // `names` may be null: then workloads have no names. Outlives this.
  explicit WorkloadFinder(const Host& host, const NameDirectory* names = nullptr)
      : host_(host), names_(names) {}

  // Every Kubernetes container of the host, or of the only pod in view, in the order of their
  // paths; nested containers belong to the outermost. FAILED_PRECONDITION without cgroups.
  absl::StatusOr<std::vector<Workload>> FindAll() const;
  // The same, with the cgroups it went through.
  absl::StatusOr<WorkloadTree> Walk() const;

  // The workloads that `selector` names: at least one. NOT_FOUND if there is none, also as far as
  // names are known; INVALID_ARGUMENT if the selector is malformed or a container id's prefix is
  // ambiguous.
  absl::StatusOr<std::vector<Workload>> Find(const WorkloadSelector& selector) const;

  // NOT_FOUND if the workload's cgroup, or the process it stands for, is gone; also when another
  // cgroup now has its name.
  absl::StatusOr<WorkloadProcesses> ListProcesses(const Workload& workload) const;

  // Opens one of the processes that ListProcesses gave. NOT_FOUND if it has exited, also when its
  // PID names a process outside the workload by now.
  absl::StatusOr<ProcessHandle> OpenProcess(KernelCalls& kernel, const Workload& workload,
                                            pid_t pid) const;

  // The cgroup of a workload, checked to be the same as when it was found.
  absl::StatusOr<CgroupDir> OpenCgroup(const Workload& workload) const;

 private:
  absl::StatusOr<Workload> FindProcess(pid_t pid) const;
  absl::StatusOr<Workload> FindCgroup(const std::string& path) const;
  ContainerNames NamesOf(const Workload& workload) const;
  // Whether its processes can be seen, as far as Host::only_pod tells.
  bool IsInView(const Workload& workload) const;
  // The error for `selector` where no container has a name, with what each source says.
  absl::Status NoNames(const WorkloadSelector& selector) const;

  const Host host_;
  const NameDirectory* const names_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_WORKLOAD_WORKLOAD_FINDER_H_
