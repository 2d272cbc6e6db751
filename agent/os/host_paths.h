// Where the kernel's file systems are mounted. Tests point this at a temporary tree.
#ifndef NUMALOCALITY_AGENT_OS_HOST_PATHS_H_
#define NUMALOCALITY_AGENT_OS_HOST_PATHS_H_

#include <string>

namespace numalocality {

struct HostPaths {
  std::string proc = "/proc";
  std::string nodes = "/sys/devices/system/node";
  std::string cgroup = "/sys/fs/cgroup";
  std::string thp = "/sys/kernel/mm/transparent_hugepage";
  std::string ksm = "/sys/kernel/mm/ksm";

  // The same tree below `root`, e.g. a captured host.
  static HostPaths Below(const std::string& root) {
    const HostPaths here;
    return {root + here.proc, root + here.nodes, root + here.cgroup, root + here.thp,
            root + here.ksm};
  }
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_HOST_PATHS_H_
