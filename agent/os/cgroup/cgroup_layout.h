// The locations and names of cgroup files. On cgroup v2 a cgroup is one directory. On cgroup v1 and
// hybrid hosts it is a directory in the tree of each controller, with the same path in each tree
// (Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/).
#ifndef NUMALOCALITY_AGENT_OS_CGROUP_CGROUP_LAYOUT_H_
#define NUMALOCALITY_AGENT_OS_CGROUP_CGROUP_LAYOUT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/model/placement.h"
#include "agent/os/base/host.h"

namespace numalocality {

enum class CgroupVersion { kV1 = 1, kV2 = 2 };

struct CgroupLayout {
  CgroupVersion version = CgroupVersion::kV2;

  // The roots of the controllers' trees; on v2 all equal. Processes are listed, and cgroups
  // identified, in the memory controller's tree. A cgroup may be missing in the other trees: its
  // processes are in an ancestor there, or the cgroup has not been created there yet.
  std::string memory;
  std::string cpuset;
  std::string hugetlb;  // may not exist

  std::string threads = "cgroup.threads";
  std::string effective_cpus = "cpuset.cpus.effective";
  std::string effective_nodes = "cpuset.mems.effective";

  // v1: an open list of processes or threads may return old content. Open it again for each read.
  bool lists_grow_old = false;

  int64_t page_bytes = 0;  // base page size: v1 counts in pages

  // Parses memory.numa_stat, including the memory charged to descendants.
  absl::StatusOr<MemoryByNode> ParseMemory(absl::string_view text) const;
};

// Finds the mounted cgroup version. Takes at most three system calls. FAILED_PRECONDITION if
// neither cgroup v2 nor the memory and cpuset controllers of v1 are mounted.
absl::StatusOr<CgroupLayout> FindCgroupLayout(const Host& host);

// Whether the cgroup root is the root of the machine, and not the root of a container's cgroup
// namespace.
bool IsMachineRoot(const Host& host);

// Lists the hugetlb.<size>.numa_stat files in a cgroup's directory.
absl::StatusOr<std::vector<std::string>> ListHugetlbNumaStats(int directory_fd);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_CGROUP_CGROUP_LAYOUT_H_
