// The host as the agent sees it: where the kernel's file systems are mounted, how large the pages
// are that they count, which of the nodes they name pass for near, and how far its view reaches.
// Tests point this at a temporary tree.
#ifndef NUMALOCALITY_AGENT_OS_BASE_HOST_H_
#define NUMALOCALITY_AGENT_OS_BASE_HOST_H_

#include <unistd.h>

#include <cstdint>
#include <string>

namespace numalocality {

struct Host {
  std::string proc = "/proc";
  std::string nodes = "/sys/devices/system/node";
  std::string cgroup = "/sys/fs/cgroup";
  std::string thp = "/sys/kernel/mm/transparent_hugepage";
  std::string ksm = "/sys/kernel/mm/ksm";
  std::string security = "/sys/kernel/security";
  // What /proc/PID/cgroup counts from, as FindCgroupNamespace has it.
  std::string cgroup_namespace = "/";
  // UID of the only pod whose processes can be seen, as FindOnlyPod has it; "" if there are others.
  std::string only_pod;
  // Of base pages: 64 KiB on some arm64 and ppc64 machines.
  int64_t page_bytes = sysconf(_SC_PAGESIZE);
  // Nodes up to this distance from a CPU's own are home to it, too: more than 10 where clusters of
  // a socket count as one.
  int local_distance = 10;

  // The same tree below `root`, e.g. a captured host.
  static Host Below(const std::string& root) {
    const Host here;
    return {root + here.proc, root + here.nodes,    root + here.cgroup,    root + here.thp,
            root + here.ksm,  root + here.security, here.cgroup_namespace, here.only_pod,
            here.page_bytes,  here.local_distance};
  }
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_BASE_HOST_H_
