// Where the files of cgroups are, and what they are called. On cgroup v2 a cgroup is one directory;
// on v1, hybrid hosts included, it is one in the tree of each controller, with the same path in
// each (Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/).
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

  // The roots of the trees that have these controllers' files; on v2 all the same. Processes are
  // listed, and cgroups identified, in that of memory. In the others a cgroup may be missing: there
  // its processes are in one above, or it is about to be made.
  std::string memory;
  std::string cpuset;
  std::string hugetlb;  // need not exist

  std::string threads = "cgroup.threads";
  std::string effective_cpus = "cpuset.cpus.effective";
  std::string effective_nodes = "cpuset.mems.effective";

  // v1: a list of processes or threads that is read again without being opened again may be old.
  bool lists_grow_old = false;

  int64_t page_bytes = 0;  // of the host: v1 counts in pages

  // The text of memory.numa_stat, with what is charged below.
  absl::StatusOr<MemoryByNode> ParseMemory(absl::string_view text) const;
};

// Looks at what is mounted; two system calls. FAILED_PRECONDITION if it is neither cgroup v2 nor
// the controllers memory and cpuset of v1.
absl::StatusOr<CgroupLayout> FindCgroupLayout(const Host& host);

// Whether the cgroup root is the one above all others of this machine, and not what a container
// sees of its own.
bool IsMachineRoot(const Host& host);

// The names of the hugetlb.<size>.numa_stat files in a cgroup's directory.
absl::StatusOr<std::vector<std::string>> ListHugetlbNumaStats(int directory_fd);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_CGROUP_CGROUP_LAYOUT_H_
