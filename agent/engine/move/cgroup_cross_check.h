// Compares a migration with the kernel's own count of the workload's memory, the memory.numa_stat
// of its cgroup. The kernel charges memory to the cgroup whose process touched it first; page cache
// is counted, hugetlb pages are not.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_CGROUP_CROSS_CHECK_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_CGROUP_CROSS_CHECK_H_

#include "absl/status/statusor.h"
#include "agent/engine/move/move_ledger.h"
#include "agent/model/cross_check.h"
#include "agent/model/placement.h"
#include "agent/model/topology.h"
#include "agent/model/workload.h"
#include "agent/os/base/host.h"
#include "agent/os/cgroup/cgroup_dir.h"
#include "agent/os/pages/page_nodes.h"

namespace numalocality {

// Not thread-safe.
class CgroupCrossCheck {
 public:
  // Reads the counters; construct it before the first batch. For a workload that is one process
  // they are the counters of its cgroup, which include all other processes there.
  CgroupCrossCheck(const Host& host, const Workload& workload);

  // The node that all anonymous memory is on, if it is all on one: the scan expects the workload's
  // processes to have it there. Other kinds are left out: they may be charged to other cgroups.
  ExpectedNodes Uniform() const;

  // Reads the counters again; call it after the last batch.
  void ReadAgain();

  // Compares the change of the counters with what the migration counted: pages of `kinds` that it
  // moved from node to node, and pages that drifted right after.
  CrossCheck Compare(const PageFlows& flows, int64_t drifted_pages, KindSet kinds,
                     const Topology& topology) const;

 private:
  absl::StatusOr<MemoryByNode> Read() const;

  const absl::StatusOr<CgroupDir> cgroup_;  // stays open: a new cgroup may get the same path
  absl::StatusOr<MemoryByNode> before_;
  absl::StatusOr<MemoryByNode> after_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_CGROUP_CROSS_CHECK_H_
