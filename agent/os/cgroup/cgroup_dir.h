// One cgroup, held by its directories so that another one made under the same name is noticed.
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
#include "agent/os/cgroup/cgroup_layout.h"

namespace numalocality {

struct CgroupProcesses {
  std::vector<pid_t> pids;  // ascending, no duplicates
  int hidden_count = 0;     // outside the reader's PID namespace
};

// Not thread-safe. Once the cgroup is removed every read is NOT_FOUND.
class CgroupDir {
 public:
  // `path` is below the cgroup root, "/" first. INVALID_ARGUMENT if it is not, or holds "..", "."
  // or an empty name; NOT_FOUND if there is no such cgroup; FAILED_PRECONDITION as
  // FindCgroupLayout.
  static absl::StatusOr<CgroupDir> Open(const Host& host, const std::string& path);

  const std::string& path() const { return path_; }
  // The kernel's id of the cgroup: never given to another one while this machine runs.
  uint64_t id() const { return id_; }

  // Whether `pid` is a process of this very cgroup.
  absl::StatusOr<bool> Holds(pid_t pid) const;

  // Processes of this cgroup and of all below it.
  absl::StatusOr<CgroupProcesses> ReadProcesses() const;

  // NOT_FOUND if the cpuset controller is not enabled here.
  absl::StatusOr<CpuSet> ReadEffectiveCpus() const;
  absl::StatusOr<NodeSet> ReadEffectiveNodes() const;

  // cpuset.mems: the nodes that this cgroup asks for; empty: those of the cgroup above. NOT_FOUND
  // as above.
  absl::StatusOr<NodeSet> ReadNodes() const;
  // Sets them. The kernel of v2 moves at once all pages on nodes that are allowed no more.
  absl::Status WriteNodes(const NodeSet& nodes) const;

  // Charged memory of this cgroup and all below it, from memory.numa_stat and
  // hugetlb.*.numa_stat. Time and result do not depend on how much memory there is.
  absl::StatusOr<MemoryByNode> ReadMemory() const;

  // Names of the cgroups right below.
  absl::StatusOr<std::vector<std::string>> ListChildren() const;

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
  // On v2 all the same; null where the cgroup is not in that tree.
  Directory memory_, cpuset_, hugetlb_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_CGROUP_CGROUP_DIR_H_
