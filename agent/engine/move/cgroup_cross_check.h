// A migration held against the kernel's own count of the workload's memory: memory.numa_stat of its
// cgroup. Memory is charged there by whose process touched it first; page cache counts, hugetlb
// pages do not.
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
  // Reads the counters as they are before the first batch. Of a workload that is one process they
  // are those of its cgroup, with whatever else is in that.
  CgroupCrossCheck(const Host& host, const Workload& workload);

  // The node that all anonymous memory is on, if it is all on one: what processes of the workload
  // are expected to have there. Of other kinds much may be charged to other cgroups.
  ExpectedNodes Uniform() const;

  // Reads them as they are after the last batch.
  void ReadAgain();

  // What they say, given what the migration counted: pages of `kinds` that went from node to node,
  // and those found drifted right after.
  CrossCheck Compare(const PageFlows& flows, int64_t drifted_pages, KindSet kinds,
                     const Topology& topology) const;

 private:
  absl::StatusOr<MemoryByNode> Read() const;

  const absl::StatusOr<CgroupDir> cgroup_;  // held: one made anew under its name is another one
  absl::StatusOr<MemoryByNode> before_;
  absl::StatusOr<MemoryByNode> after_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_CGROUP_CROSS_CHECK_H_
