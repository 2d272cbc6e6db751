// Reads the placements of all workloads periodically, at a cost that does not depend on the amount
// of memory: it reads counters and CPU affinities. It samples pages only of processes whose home
// nodes differ within one workload.
#ifndef NUMALOCALITY_AGENT_ENGINE_REPORT_REPORT_READER_H_
#define NUMALOCALITY_AGENT_ENGINE_REPORT_REPORT_READER_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/engine/context.h"
#include "agent/engine/workload/placement_reader.h"
#include "agent/engine/workload/workload_finder.h"
#include "agent/model/locality_report.h"
#include "agent/os/base/read_budget.h"
#include "agent/os/cgroup/cgroup_counters.h"

namespace numalocality {

using Reports = std::vector<std::shared_ptr<const WorkloadReport>>;

// All methods are for one thread.
class ReportReader {
 public:
  explicit ReportReader(const EngineContext& context);

  // Finds all containers, and the cgroups `extra` that exist. Cgroups that count no memory are left
  // out, and a warning is logged. Returns the cgroups in which new containers may be created.
  // FAILED_PRECONDITION without cgroups.
  absl::StatusOr<std::vector<std::string>> FindWorkloads(const std::vector<std::string>& extra);

  // Reads all workloads, or those in and below the cgroup `path`, and returns the reports that
  // differ from the last ones. Workloads that are gone are dropped; workloads that cannot be read
  // keep their last report. Those whose processes exceed kPeriodicLimits are read by their counters
  // for some minutes, and are in the state kTooLarge. Processes are sampled again if their affinity
  // has changed, or if the workload's memory has shifted between nodes.
  Reports ReadAll(const Topology& topology);
  Reports ReadBelow(const std::string& path, const Topology& topology);
  // Makes the next read sample the processes of the workload at `path` again.
  void Resample(const std::string& path);

  // Reads one workload without keeping anything for later reads. NOT_FOUND if it is gone.
  absl::StatusOr<WorkloadPlacement> ReadOnce(const Workload& workload, const Topology& topology);

  // The last reports of all workloads, in the order of their cgroup paths.
  Reports All() const;
  // The cgroup paths of all workloads that were found, read or not.
  std::vector<std::string> Paths() const;

 private:
  struct Kept {
    Workload workload;
    CgroupCounters counters;
    std::vector<CpuMask> masks;  // all different affinities of the threads
    // The threads whose affinity is not masks[0], and its index: two threads may swap theirs.
    std::vector<std::pair<pid_t, size_t>> others;
    std::vector<ProcessPlacement> processes;
    absl::Time appeared;      // InfinitePast if it existed when the agent started
    MemoryByNode sampled_at;  // the workload's memory when its processes were sampled
    bool resample = true;
    absl::Status too_large = {};        // why its processes are not read, or OK
    absl::Duration read_again_at = {};  // by Clock::Monotonic, if they are not read
    std::shared_ptr<const WorkloadReport> report = nullptr;  // before the first read
  };

  absl::Status Read(Kept& kept, const Topology& topology);
  // Reads the placement without a look at the processes; `same` if nothing has changed.
  absl::StatusOr<WorkloadPlacement> ReadCounters(Kept& kept, const Topology& topology, bool& same);
  // What the counters showed when they were read last.
  WorkloadPlacement BasicPlacement(const Kept& kept, const Topology& topology) const;
  // Reads the placement from the workload's counters; RESOURCE_EXHAUSTED beyond kPeriodicLimits.
  // `same` if nothing has changed.
  absl::StatusOr<WorkloadPlacement> ReadPlacement(Kept& kept, const Topology& topology, bool& same);
  // Returns whether a thread's affinity has changed since the last read.
  absl::StatusOr<bool> ReadMasks(Kept& kept, ReadBudget& budget);
  // The placement of each process; none if all have the same home nodes.
  absl::StatusOr<std::vector<ProcessPlacement>> ReadProcesses(Kept& kept, const Topology& topology,
                                                              bool resample, ReadBudget& budget);
  // RESOURCE_EXHAUSTED; other errors are logged, and the process has no memory then.
  absl::Status Sample(const Workload& workload, const Topology& topology, ReadBudget& budget,
                      ProcessPlacement& process);
  bool MemoryHasShifted(const Kept& kept) const;

  const EngineContext context_;
  const WorkloadFinder finder_;
  const PlacementReader reader_;
  std::map<std::string, Kept> kept_;  // by cgroup path
  CpuMask scratch_;
  bool has_walked_ = false;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_REPORT_REPORT_READER_H_
