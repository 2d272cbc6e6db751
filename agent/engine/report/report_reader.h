// Reads where all workloads' memory is, again and again, at a cost that does not depend on how much
// memory there is: counters and affinities, no look at pages but small samples of processes whose
// homes differ within one workload.
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
#include "agent/os/cgroup/cgroup_counters.h"

namespace numalocality {

using Reports = std::vector<std::shared_ptr<const WorkloadReport>>;

// For one thread.
class ReportReader {
 public:
  explicit ReportReader(const EngineContext& context);

  // Finds all containers, and the plain cgroups `extra` that exist; those that count no memory are
  // left out, which is logged. Returns the cgroups in which others may come to be.
  // FAILED_PRECONDITION without cgroups.
  absl::StatusOr<std::vector<std::string>> FindWorkloads(const std::vector<std::string>& extra);

  // Reads all, or those in and below the cgroup `path`. Workloads that are gone are dropped, those
  // that cannot be read keep their last report. Processes are sampled again when their affinity has
  // changed, or the memory of the workload has shifted.
  // Returns the reports that differ from the last ones.
  Reports ReadAll(const Topology& topology);
  Reports ReadBelow(const std::string& path, const Topology& topology);
  // At the next read its processes' pages are sampled anew.
  void Resample(const std::string& path);

  // One workload, with nothing kept of it. NOT_FOUND if it is gone.
  absl::StatusOr<WorkloadPlacement> ReadOnce(const Workload& workload, const Topology& topology);

  // In the order of their cgroup paths.
  Reports All() const;
  // Of all workloads found, read or not.
  std::vector<std::string> Paths() const;

 private:
  struct Kept {
    Workload workload;
    CgroupCounters counters;
    std::vector<CpuMask> masks;  // the threads' different ones
    // Threads that have another one than the first, and which: two may swap theirs.
    std::vector<std::pair<pid_t, size_t>> others;
    std::vector<ProcessPlacement> processes;
    absl::Time appeared;      // InfinitePast if it was there from the start
    MemoryByNode sampled_at;  // the workload's memory when its processes were sampled
    bool resample = true;
    std::shared_ptr<const WorkloadReport> report = nullptr;  // before the first read
  };

  absl::Status Read(Kept& kept, const Topology& topology);
  // Placement by the workload's own counters.
  absl::StatusOr<WorkloadPlacement> ReadPlacement(Kept& kept, const Topology& topology, bool& same);
  // Whether a thread's mask is another one than the last time.
  absl::StatusOr<bool> ReadMasks(Kept& kept);
  // The processes one by one; none if all have the same home.
  absl::StatusOr<std::vector<ProcessPlacement>> ReadProcesses(Kept& kept, const Topology& topology,
                                                              bool resample);
  void Sample(const Workload& workload, const Topology& topology, ProcessPlacement& process);
  bool MemoryHasShifted(const Kept& kept) const;

  const EngineContext context_;
  const WorkloadFinder finder_;
  const PlacementReader reader_;
  std::map<std::string, Kept> kept_;  // by cgroup path
  CpuMask scratch_;
  bool has_looked_ = false;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_REPORT_REPORT_READER_H_
