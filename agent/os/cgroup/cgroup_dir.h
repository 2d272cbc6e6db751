// One cgroup, through its open directories (Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/). A
// new cgroup with the same path is therefore not mistaken for it.
#ifndef NUMALOCALITY_AGENT_OS_CGROUP_CGROUP_DIR_H_
#define NUMALOCALITY_AGENT_OS_CGROUP_CGROUP_DIR_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/model/id_set.h"
#include "agent/model/placement.h"
#include "agent/os/base/file.h"
#include "agent/os/base/host.h"
#include "agent/os/base/read_budget.h"
#include "agent/os/cgroup/cgroup_layout.h"

namespace numalocality {

// A walk through the tree visits at most so many cgroups below a container, or below a cgroup that
// belongs to another user than the root cgroup does, such as user@1000.service: a tenant may create
// any number of them there.
inline constexpr int kMostTenantCgroups = 500;
// A container outside of Kubernetes may be able to create cgroups as root, too. The limits below a
// cgroup that is neither a slice of systemd nor kubelet's, such as /docker, and below each of its
// children. They leave room for a node of Kubernetes that is such a container itself (kind).
inline constexpr int kMostUnitCgroups = 2000;
inline constexpr int kMostUnitChildCgroups = 1000;
// For each list of children there: about 10,000 names.
inline constexpr ReadLimits kTenantLimits{int64_t{1} << 20, absl::Seconds(1)};

struct CgroupProcesses {
  std::vector<pid_t> pids;  // ascending, no duplicates
  int hidden_count = 0;     // processes outside the reader's PID namespace
};

// Only reads; os/act/cpuset_mems writes. Not thread-safe. After the cgroup has been removed, every
// read returns NOT_FOUND.
class CgroupDir {
 public:
  // `path` is relative to the cgroup root and begins with "/". INVALID_ARGUMENT if it does not, or
  // contains "..", "." or an empty name; NOT_FOUND if there is no such cgroup; FAILED_PRECONDITION
  // as FindCgroupLayout.
  static absl::StatusOr<CgroupDir> Open(const Host& host, const std::string& path);

  const std::string& path() const { return path_; }
  // The kernel's id of the cgroup. No other cgroup gets it until the machine reboots.
  uint64_t id() const { return id_; }

  // Whether `pid` is a process of this cgroup itself, not of a descendant.
  absl::StatusOr<bool> Contains(pid_t pid) const;

  // The processes of this cgroup and of its descendants. RESOURCE_EXHAUSTED if the tree is too
  // large for the budget (without one, kRequestLimits), or too deep.
  absl::StatusOr<CgroupProcesses> ReadProcesses() const;
  absl::StatusOr<CgroupProcesses> ReadProcesses(ReadBudget& budget) const;

  // NOT_FOUND if the cpuset controller is not enabled here.
  absl::StatusOr<CpuSet> ReadEffectiveCpus() const;
  absl::StatusOr<NodeSet> ReadEffectiveNodes() const;

  // Reads cpuset.mems: the nodes that this cgroup requests; empty if it uses those of its parent.
  // NOT_FOUND as above.
  absl::StatusOr<NodeSet> ReadNodes() const;

  // The open directory with the files of the cpuset controller, valid as long as this object.
  // NOT_FOUND if the cgroup is not in that controller's tree.
  absl::StatusOr<int> CpusetDirectory() const;

  // The memory charged to this cgroup and its descendants, from memory.numa_stat and
  // hugetlb.*.numa_stat. The time does not depend on the amount of memory.
  absl::StatusOr<MemoryByNode> ReadMemory() const;

  // The user who may create cgroups in it.
  absl::StatusOr<uid_t> ReadOwner() const { return OwnerOf(memory_fd()); }

  // The names of the child cgroups. RESOURCE_EXHAUSTED if there are too many for the budget.
  absl::StatusOr<std::vector<std::string>> ListChildren(ReadBudget& budget) const;

 private:
  using Directory = std::shared_ptr<const ScopedFd>;

  CgroupDir(CgroupLayout layout, std::string path)
      : layout_(std::move(layout)), path_(std::move(path)) {}

  // This cgroup's directory in the tree below `root`.
  absl::StatusOr<Directory> OpenIn(const std::string& root) const;
  absl::StatusOr<std::string> ReadCpusetFile(const std::string& name) const;
  int memory_fd() const { return memory_->get(); }

  CgroupLayout layout_;
  std::string path_;
  uint64_t id_ = 0;
  // On v2 the same directory; null if the cgroup is not in that controller's tree.
  Directory memory_, cpuset_, hugetlb_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_CGROUP_CGROUP_DIR_H_
