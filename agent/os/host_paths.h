// Where the kernel's file systems are mounted, and how large the pages are that they count. Tests
// point this at a temporary tree.
#ifndef NUMALOCALITY_AGENT_OS_HOST_PATHS_H_
#define NUMALOCALITY_AGENT_OS_HOST_PATHS_H_

#include <unistd.h>

#include <cstdint>
#include <string>

namespace numalocality {

struct HostPaths {
  std::string proc = "/proc";
  std::string nodes = "/sys/devices/system/node";
  std::string cgroup = "/sys/fs/cgroup";
  std::string thp = "/sys/kernel/mm/transparent_hugepage";
  std::string ksm = "/sys/kernel/mm/ksm";
  // Of base pages: 64 KiB on some arm64 and ppc64 machines.
  int64_t page_bytes = sysconf(_SC_PAGESIZE);

  // The same tree below `root`, e.g. a captured host.
  static HostPaths Below(const std::string& root) {
    const HostPaths here;
    return {root + here.proc, root + here.nodes, root + here.cgroup,
            root + here.thp,  root + here.ksm,   here.page_bytes};
  }
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_HOST_PATHS_H_
