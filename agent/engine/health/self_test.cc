#include "agent/engine/health/self_test.h"

#include <unistd.h>

#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/engine/workload/name_directory.h"
#include "agent/engine/workload/workload_finder.h"
#include "agent/os/act/numa_balancing.h"
#include "agent/os/base/running_kernel.h"
#include "agent/os/cgroup/cgroup_layout.h"
#include "agent/os/node/topology_reader.h"
#include "agent/os/pages/page_scanner.h"
#include "agent/os/pages/pagemap.h"
#include "agent/os/process/own_process.h"
#include "agent/os/process/process_handle.h"

namespace numalocality {
namespace {

constexpr pid_t kFirstProcess = 1;

// Queries the page at address 0, which no process maps; the answer does not matter. For the agent's
// own process only a seccomp filter denies the call; for others also a missing capability or a
// security module.
absl::Status TryMovePages(KernelCalls& kernel, pid_t pid) {
  const uint64_t address = 0;
  int status = kStatusUnwritten;
  const int result = kernel.MovePages(pid, {&address, 1}, {}, {&status, 1});
  return result == 0 ? absl::OkStatus()
                     : ErrnoStatus(-result, absl::StrCat("move_pages on process ", pid));
}

// How scans find memory of other users' processes. Access to process 1 alone does not prove it,
// because the files of process 1 belong to root.
std::optional<ScanMethod> FindScanMethod(const EngineContext& context, const Privileges& privileges,
                                         int64_t page_bytes) {
  const auto first = ProcessHandle::Open(context.kernel, context.host, kFirstProcess);
  if (!first.ok()) return std::nullopt;
  if (!privileges.effective.ReadsAllFiles()) return ScanMethod::kQuery;
  return PageScanner(context.kernel, context.clock, context.host, page_bytes).MethodFor(*first);
}

// The agent cannot read kubelet's configuration, but the names of kubelet's cgroups show the
// driver: with systemd they are slices.
std::string CgroupDriver(const std::vector<Workload>& workloads) {
  if (workloads.empty()) return "";
  return absl::StrContains(workloads.front().cgroup_path, ".slice") ? "systemd" : "cgroupfs";
}

// Whether the agent sees the host's cgroups. It does if it finds a container, since an agent in a
// pod is one itself; without containers it must see the cgroups of the whole machine.
absl::Status CheckCgroups(const Host& host,
                          const absl::StatusOr<std::vector<Workload>>& workloads) {
  if (!workloads.ok()) return workloads.status();
  if (!workloads->empty() || IsMachineRoot(host)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      host.cgroup, ": shows only the cgroup of the agent's own container, not the host's cgroups"));
}

}  // namespace

absl::StatusOr<AgentStatus> RunSelfTest(const EngineContext& context, ContainerResources* runtime,
                                        const ConfigurationSource* configuration) {
  AgentStatus status;
  NL_ASSIGN_OR_RETURN(const Topology topology, TopologyReader(context.host).Read());
  NL_ASSIGN_OR_RETURN(status.kernel, ReadKernelRelease(context.host));
  NL_ASSIGN_OR_RETURN(status.privileges, ReadOwnPrivileges(context.host));
  status.only_pod = context.host.own_place()->only_pod;
  status.memory_nodes = topology.MemoryNodes();
  status.move_pages = TryMovePages(context.kernel, getpid());
  status.others = TryMovePages(context.kernel, kFirstProcess);

  status.scan_method = FindScanMethod(context, status.privileges, topology.page_bytes);
  const auto self = ProcessHandle::Open(context.kernel, context.host, getpid());
  if (self.ok()) {
    const auto pagemap = Pagemap::Open(context.kernel, *self, topology.page_bytes);
    status.pagemap_scan = pagemap.ok() && pagemap->can_find();
  }
  const auto balancing = ReadNumaBalancing(context.host);
  status.numa_balancing = balancing.ok() && *balancing != 0;
  if (const auto layout = FindCgroupLayout(context.host); layout.ok()) {
    status.cgroup_version = layout->version;
  }
  const auto workloads = WorkloadFinder(context.host).FindAll();
  status.cgroups = CheckCgroups(context.host, workloads);
  if (workloads.ok()) status.cgroup_driver = CgroupDriver(*workloads);
  if (auto modules = ReadSecurityModules(context.host); modules.ok()) {
    status.security_modules = *std::move(modules);
  }
  if (auto mode = ReadHugePageMode(context.host); mode.ok()) {
    status.huge_page_mode = *std::move(mode);
  }
  if (configuration != nullptr) status.configuration = configuration->Status();
  if (runtime != nullptr) status.runtime = RuntimeStatus{runtime->address(), runtime->Describe()};
  if (context.names != nullptr) status.name_sources = context.names->Status();
  return status;
}

}  // namespace numalocality
