// Reads a workload's placement: where its memory is relative to its CPUs.
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
#include "agent/os/base/read_budget.h"
#include "agent/os/process/process_handle.h"

namespace numalocality {

// Stateless and thread-safe.
class PlacementReader {
 public:
  PlacementReader(KernelCalls& kernel, const Host& host, const Clock& clock)
      : kernel_(kernel), host_(host), clock_(clock), finder_(host) {}

  // Reads the current placement of `workload`. For a workload that is one process, kBasic reads
  // pages too, because the kernel counts bytes per node only by cgroup. An address space that
  // several processes share is counted once. Memory on kHiddenNode is counted separately. Processes
  // that exit during the read are counted and are no error. NOT_FOUND if the workload is gone,
  // PERMISSION_DENIED if the agent may not read something, CANCELLED if `is_cancelled`, which is
  // called between steps, returns true. A workload whose processes exceed `limits` is read by its
  // counters, and is in the state kTooLarge; with kPages it is an error, RESOURCE_EXHAUSTED, as it
  // is if the mappings of its processes exceed them.
  absl::StatusOr<WorkloadPlacement> Read(const Workload& workload, const Topology& topology,
                                         PlacementView view, absl::FunctionRef<bool()> is_cancelled,
                                         const ReadLimits& limits = kRequestLimits) const;

 private:
  // `view` becomes kPages if the cgroup does not count its memory.
  absl::Status ReadCgroup(const Workload& workload, const Topology& topology, PlacementView& view,
                          WorkloadPlacement& placement) const;
  // Lists the processes to `processes`, and reads what they have in common.
  absl::Status ReadProcesses(ReadBudget& budget, WorkloadProcesses& processes,
                             WorkloadPlacement& placement) const;
  absl::Status ReadPages(const WorkloadProcesses& processes, const Topology& topology,
                         absl::FunctionRef<bool()> is_cancelled, ReadBudget& budget,
                         WorkloadPlacement& placement) const;
  // Adds the memory of one process, after all of its pages were read.
  absl::Status AddPages(const ProcessHandle& process, const Topology& topology,
                        absl::FunctionRef<bool()> is_cancelled, ReadBudget& budget,
                        WorkloadPlacement& placement) const;

  KernelCalls& kernel_;
  const Host host_;
  const Clock& clock_;
  const WorkloadFinder finder_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_WORKLOAD_PLACEMENT_READER_H_
