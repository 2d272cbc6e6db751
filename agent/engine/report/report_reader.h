// Reads the placements of workloads periodically, at a cost that does not depend on the amount
// of memory: it reads counters and CPU affinities. It samples pages only of processes whose home
// nodes differ within one workload.
#ifndef NUMALOCALITY_AGENT_ENGINE_REPORT_REPORT_READER_H_
#define NUMALOCALITY_AGENT_ENGINE_REPORT_REPORT_READER_H_

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/engine/context.h"
#include "agent/engine/workload/placement_reader.h"
#include "agent/engine/workload/workload_finder.h"
#include "agent/engine/workload_jobs.h"
#include "agent/model/locality_report.h"
#include "agent/os/base/read_budget.h"
#include "agent/os/cgroup/cgroup_counters.h"

namespace numalocality {

// A workload, its files that stay open, and what was read last.
struct KeptWorkload {
  KeptWorkload(Workload is, CgroupCounters its_counters, absl::Duration its_appearance)
      : workload(std::move(is)),
        counters(std::move(its_counters)),
        appeared(its_appearance),
        role(workload.role) {}

  const Workload workload;  // its role may be out of date
  CgroupCounters counters;
  absl::Duration appeared;     // monotonic; minus infinity if it existed when the agent started
  std::vector<CpuMask> masks;  // all different affinities of the threads
  // The threads whose affinity is not masks[0], and its index: two threads may swap theirs.
  std::vector<std::pair<pid_t, size_t>> others = {};
  std::vector<ProcessPlacement> processes = {};
  MemoryByNode sampled_at = {};  // the workload's memory when its processes were sampled
  bool resample = true;
  absl::Status too_large = {};        // why its processes are not read, or OK
  absl::Duration pause = {};          // between the last attempt to read them and the next one
  absl::Duration read_again_at = {};  // when that next attempt is due, monotonic
  std::shared_ptr<const WorkloadReport> report = nullptr;  // before the first read
  std::atomic<ContainerRole> role;                         // found again while jobs read it
};

// Read is thread-safe for different workloads. All other methods are for one thread.
class ReportReader {
 public:
  using Kept = std::shared_ptr<KeptWorkload>;

  explicit ReportReader(const EngineContext& context);

  // Finds all containers, and the cgroups `extra` that exist. Cgroups that count no memory are left
  // out, and a warning is logged. Returns the cgroups in which new containers may be created.
  // FAILED_PRECONDITION without cgroups.
  absl::StatusOr<std::vector<std::string>> FindWorkloads(const std::vector<std::string>& extra);

  // The workloads in and below the cgroup `path`, in the order of their cgroup paths.
  std::vector<Kept> Below(const std::string& path) const;
  // Whether the workload was found, and has not been dropped since.
  bool Has(const Workload& workload) const;
  // Forgets a workload that is gone.
  void Drop(const Workload& workload);

  // Reads one workload and returns its report: the last one if nothing has changed. Samples its
  // processes again if their affinity has changed, if the workload's memory has shifted between
  // nodes, or if `resample`. A workload whose processes exceed kPeriodicLimits, or whose
  // read `watch` has cancelled, is read by its counters for a while, and is in the state kTooLarge.
  // NOT_FOUND if it is gone.
  absl::StatusOr<std::shared_ptr<const WorkloadReport>> Read(KeptWorkload& kept,
                                                             const Topology& topology,
                                                             bool resample,
                                                             const JobWatch& watch) const;

  // Reads one workload without keeping anything for later reads. NOT_FOUND if it is gone.
  absl::StatusOr<WorkloadPlacement> ReadOnce(const Workload& workload, const Topology& topology);

  // The cgroup paths of all workloads that were found, read or not.
  std::vector<std::string> Paths() const;

 private:
  // Takes in the result of ReadPlacement: whether, and when, it is tried again.
  void NoteAttempt(KeptWorkload& kept, const absl::Status& status) const;
  // Reads the placement without a look at the processes; `same` if nothing has changed.
  absl::StatusOr<WorkloadPlacement> ReadCounters(KeptWorkload& kept, const Topology& topology,
                                                 bool& same) const;
  // What the counters showed when they were read last.
  WorkloadPlacement BasicPlacement(const KeptWorkload& kept, const Topology& topology) const;
  // Reads the placement from the workload's counters; RESOURCE_EXHAUSTED beyond kPeriodicLimits.
  // `same` if nothing has changed.
  absl::StatusOr<WorkloadPlacement> ReadPlacement(KeptWorkload& kept, const Topology& topology,
                                                  const JobWatch& watch, bool& same) const;
  // Returns whether a thread's affinity has changed since the last read.
  absl::StatusOr<bool> ReadMasks(KeptWorkload& kept, ReadBudget& budget) const;
  // The placement of each process; none if all have the same home nodes.
  absl::StatusOr<std::vector<ProcessPlacement>> ReadProcesses(KeptWorkload& kept,
                                                              const Topology& topology,
                                                              bool resample, const JobWatch& watch,
                                                              ReadBudget& budget) const;
  // RESOURCE_EXHAUSTED, CANCELLED; other errors are logged, and the process has no memory then.
  absl::Status Sample(const Workload& workload, const Topology& topology, const JobWatch& watch,
                      size_t max_pages, ReadBudget& budget, ProcessPlacement& process) const;

  const EngineContext context_;
  const WorkloadFinder finder_;
  const PlacementReader reader_;
  std::map<std::string, Kept> kept_;  // by cgroup path; never null
  bool has_walked_ = false;
  std::set<std::string> too_large_;  // cgroups; see WorkloadTree
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_REPORT_REPORT_READER_H_
