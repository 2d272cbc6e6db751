// Reads where a workload's memory is relative to its CPUs.
#ifndef NUMALOCALITY_AGENT_ENGINE_WORKLOAD_PLACEMENT_READER_H_
#define NUMALOCALITY_AGENT_ENGINE_WORKLOAD_PLACEMENT_READER_H_

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "agent/base/clock.h"
#include "agent/engine/workload/workload_finder.h"
#include "agent/model/placement.h"
#include "agent/model/topology.h"
#include "agent/os/base/host.h"
#include "agent/os/base/kernel_calls.h"

namespace numalocality {

// Stateless and thread-safe.
class PlacementReader {
 public:
  PlacementReader(KernelCalls& kernel, const Host& host, const Clock& clock)
      : kernel_(kernel), host_(host), clock_(clock), finder_(host) {}

  // The placement of `workload` now. A workload that is one process is read by pages instead of
  // kBasic: the kernel counts bytes per node by cgroup only. An address space that several
  // processes share is counted once, memory on kHiddenNode apart from all nodes. Processes that
  // exit meanwhile are counted, not an error; NOT_FOUND if the workload is gone, PERMISSION_DENIED
  // if anything may not be read. Gives up with CANCELLED when `is_cancelled`, asked between steps,
  // says so.
  absl::StatusOr<WorkloadPlacement> Read(const Workload& workload, const Topology& topology,
                                         PlacementView view,
                                         absl::FunctionRef<bool()> is_cancelled) const;

 private:
  struct LocatedMemory {
    MemoryByNode by_node;
    int64_t unlocated_bytes = 0;
  };

  // `view` becomes kPages if the cgroup does not count its memory.
  absl::Status ReadCgroup(const Workload& workload, const Topology& topology, PlacementView& view,
                          WorkloadPlacement& placement) const;
  absl::Status ReadProcesses(const WorkloadProcesses& processes,
                             WorkloadPlacement& placement) const;
  absl::Status ReadPages(const WorkloadProcesses& processes, const Topology& topology,
                         absl::FunctionRef<bool()> is_cancelled,
                         WorkloadPlacement& placement) const;

  absl::StatusOr<LocatedMemory> ReadProcessPages(const Workload& workload, pid_t pid,
                                                 const Topology& topology,
                                                 absl::FunctionRef<bool()> is_cancelled) const;

  KernelCalls& kernel_;
  const Host host_;
  const Clock& clock_;
  const WorkloadFinder finder_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_WORKLOAD_PLACEMENT_READER_H_
