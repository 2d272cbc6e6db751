// The host as the agent sees it: where the kernel's file systems are mounted, the base page size,
// the distance up to which nodes are home nodes, and which processes are visible. Tests point it at
// a temporary tree.
#ifndef NUMALOCALITY_AGENT_OS_BASE_HOST_H_
#define NUMALOCALITY_AGENT_OS_BASE_HOST_H_

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace numalocality {

// Where this process is among the host's cgroups.
struct OwnPlace {
  bool is_known = true;
  // The cgroup to which the paths in /proc/PID/cgroup are relative: see FindCgroupNamespace.
  std::string cgroup_namespace = "/";
  // The UID of the only pod whose processes are visible; "" if all are visible: see FindOnlyPod.
  std::string only_pod;
};

struct Host {
  std::string proc = "/proc";
  std::string nodes = "/sys/devices/system/node";
  std::string cgroup = "/sys/fs/cgroup";
  std::string thp = "/sys/kernel/mm/transparent_hugepage";
  std::string ksm = "/sys/kernel/mm/ksm";
  std::string security = "/sys/kernel/security";
  // The base page size: 4 KiB, but 64 KiB on some arm64 and ppc64 machines.
  int64_t page_bytes = sysconf(_SC_PAGESIZE);
  // Nodes up to this distance from a CPU's own node are home nodes, too. More than 10 if all
  // clusters of a socket count as one.
  int local_distance = 10;

  // The same paths below `root`, such as a captured host.
  static Host Below(const std::string& root) {
    Host host;
    for (std::string* path :
         {&host.proc, &host.nodes, &host.cgroup, &host.thp, &host.ksm, &host.security}) {
      *path = root + *path;
    }
    return host;
  }

  std::shared_ptr<const OwnPlace> own_place() const { return place->load(); }
  // Takes effect in all copies of this object: the place may be found later than them.
  void SetOwnPlace(OwnPlace found) const {
    place->store(std::make_shared<const OwnPlace>(std::move(found)));
  }

  std::shared_ptr<std::atomic<std::shared_ptr<const OwnPlace>>> place =
      std::make_shared<std::atomic<std::shared_ptr<const OwnPlace>>>(
          std::make_shared<const OwnPlace>());
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_BASE_HOST_H_
