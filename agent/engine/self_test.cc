#include "agent/engine/self_test.h"

#include <unistd.h>

#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/engine/name_directory.h"
#include "agent/engine/workload_finder.h"
#include "agent/os/cgroup_layout.h"
#include "agent/os/kernel_settings.h"
#include "agent/os/numa_balancing.h"
#include "agent/os/own_privileges.h"
#include "agent/os/page_scanner.h"
#include "agent/os/pagemap.h"
#include "agent/os/process_handle.h"
#include "agent/os/topology_reader.h"

namespace numalocality {
namespace {

constexpr pid_t kFirstProcess = 1;

// A query about the first page of all, which nobody has: what the answer is does not matter. Of
// our own process nothing but a filter refuses it, of others also the lack of a capability, and
// security modules.
absl::Status TryMovePages(KernelCalls& kernel, pid_t pid) {
  const uint64_t address = 0;
  int status = kStatusUnwritten;
  const int result = kernel.MovePages(pid, {&address, 1}, {}, {&status, 1});
  return result == 0 ? absl::OkStatus()
                     : ErrnoStatus(-result, absl::StrCat("move_pages on process ", pid));
}

// Of processes of other users. What root's first process shows to root is only half of the answer:
// its files belong to root.
std::optional<ScanMethod> FindScanMethod(const MigrationContext& context,
                                         const Privileges& privileges, int64_t page_bytes) {
  const auto first = ProcessHandle::Open(context.kernel, context.paths, kFirstProcess);
  if (!first.ok()) return std::nullopt;
  if (!privileges.effective.ReadsAllFiles()) return ScanMethod::kQuery;
  return PageScanner(context.kernel, context.clock, context.paths, page_bytes).MethodFor(*first);
}

// kubelet's own configuration is out of reach, but its cgroups' names show it: with systemd's
// driver they are slices.
std::string CgroupDriver(const std::vector<Workload>& workloads) {
  if (workloads.empty()) return "";
  return absl::StrContains(workloads.front().cgroup_path, ".slice") ? "systemd" : "cgroupfs";
}

// Whether it is the host's containers that would be found. An agent in a pod is one itself; on a
// host that has none yet, the cgroups are those of the whole machine.
absl::Status CheckCgroups(const HostPaths& paths,
                          const absl::StatusOr<std::vector<Workload>>& workloads) {
  if (!workloads.ok()) return workloads.status();
  if (!workloads->empty() || IsMachineRoot(paths)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(paths.cgroup, ": has this container's own cgroup only, not the host's"));
}

}  // namespace

absl::StatusOr<AgentStatus> RunSelfTest(const MigrationContext& context,
                                        ContainerResources* runtime,
                                        const ConfigurationSource* configuration) {
  AgentStatus status;
  NL_ASSIGN_OR_RETURN(const Topology topology, TopologyReader(context.paths).Read());
  NL_ASSIGN_OR_RETURN(status.kernel, ReadKernelRelease(context.paths));
  NL_ASSIGN_OR_RETURN(status.privileges, ReadOwnPrivileges(context.paths));
  status.only_pod = context.paths.only_pod;
  status.memory_nodes = topology.MemoryNodes();
  status.move_pages = TryMovePages(context.kernel, getpid());
  status.others = TryMovePages(context.kernel, kFirstProcess);

  status.scan_method = FindScanMethod(context, status.privileges, topology.page_bytes);
  const auto self = ProcessHandle::Open(context.kernel, context.paths, getpid());
  if (self.ok()) {
    const auto pagemap = Pagemap::Open(context.kernel, *self, topology.page_bytes);
    status.pagemap_scan = pagemap.ok() && pagemap->can_find();
  }
  const auto balancing = ReadNumaBalancing(context.paths);
  status.numa_balancing = balancing.ok() && *balancing != 0;
  if (const auto layout = FindCgroupLayout(context.paths); layout.ok()) {
    status.cgroup_version = layout->version;
  }
  const auto workloads = WorkloadFinder(context.paths).FindAll();
  status.cgroups = CheckCgroups(context.paths, workloads);
  if (workloads.ok()) status.cgroup_driver = CgroupDriver(*workloads);
  if (auto modules = ReadSecurityModules(context.paths); modules.ok()) {
    status.security_modules = *std::move(modules);
  }
  if (auto mode = ReadHugePageMode(context.paths); mode.ok()) {
    status.huge_page_mode = *std::move(mode);
  }
  if (configuration != nullptr) status.configuration = configuration->Status();
  if (runtime != nullptr) status.runtime = RuntimeStatus{runtime->address(), runtime->Describe()};
  if (context.names != nullptr) status.name_sources = context.names->Status();
  return status;
}

}  // namespace numalocality
