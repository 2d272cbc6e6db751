#include "agent/engine/self_test.h"

#include <unistd.h>

#include <cstdint>

#include "agent/base/status.h"
#include "agent/os/cgroup_dir.h"
#include "agent/os/numa_balancing.h"
#include "agent/os/own_privileges.h"
#include "agent/os/page_scanner.h"
#include "agent/os/pagemap.h"
#include "agent/os/process_handle.h"
#include "agent/os/topology_reader.h"

namespace numalocality {
namespace {

constexpr pid_t kFirstProcess = 1;

// A query about a variable of our own: nothing but a filter refuses that.
absl::Status TryMovePages(KernelCalls& kernel) {
  const int variable = 1;
  const auto address = reinterpret_cast<uint64_t>(&variable);
  int status = kStatusUnwritten;
  const int result = kernel.MovePages(getpid(), {&address, 1}, {}, {&status, 1});
  return result == 0 ? absl::OkStatus() : ErrnoStatus(-result, "move_pages");
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

}  // namespace

absl::StatusOr<AgentStatus> RunSelfTest(const MigrationContext& context,
                                        ContainerResources* runtime) {
  AgentStatus status;
  NL_ASSIGN_OR_RETURN(const Topology topology, TopologyReader(context.paths).Read());
  NL_ASSIGN_OR_RETURN(status.kernel, ReadKernelRelease(context.paths));
  NL_ASSIGN_OR_RETURN(status.privileges, ReadOwnPrivileges(context.paths));
  status.memory_nodes = topology.MemoryNodes();
  status.move_pages = TryMovePages(context.kernel);

  status.scan_method = FindScanMethod(context, status.privileges, topology.page_bytes);
  const auto self = ProcessHandle::Open(context.kernel, context.paths, getpid());
  if (self.ok()) {
    const auto pagemap = Pagemap::Open(context.kernel, *self, topology.page_bytes);
    status.pagemap_scan = pagemap.ok() && pagemap->can_find();
  }
  const auto balancing = ReadNumaBalancing(context.paths);
  status.numa_balancing = balancing.ok() && *balancing != 0;
  status.cgroup_v2 = CheckCgroupV2(context.paths).ok();
  if (runtime != nullptr) status.runtime = RuntimeStatus{runtime->address(), runtime->Describe()};
  return status;
}

}  // namespace numalocality
