// Reads placements as jobs of their workloads. A workload that is to be read while it has a job is
// read after that.
#ifndef NUMALOCALITY_AGENT_ENGINE_REPORT_REPORT_JOBS_H_
#define NUMALOCALITY_AGENT_ENGINE_REPORT_REPORT_JOBS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/engine/report/report_reader.h"
#include "agent/engine/workload_jobs.h"
#include "agent/model/locality_report.h"
#include "agent/model/topology.h"

namespace numalocality {

// Why a workload is read.
struct ReadCause {
  std::string trigger;
  bool resample = false;  // see ReportReader::Read
};

struct Reading {
  Workload workload;
  ReadCause cause;
  absl::StatusOr<std::shared_ptr<const WorkloadReport>> report;
  absl::Duration cpu_time;
};

// All methods are for one thread, the owner's of `jobs`.
class ReportJobs {
 public:
  // References outlive this, and this outlives the jobs. `name_of` returns a workload's name for
  // people. `on_reading` is called in WorkloadJobs::CallEndings.
  ReportJobs(ReportReader& reader, WorkloadJobs& jobs,
             std::function<std::string(const Workload&)> name_of,
             std::function<void(const Reading&)> on_reading)
      : reader_(reader),
        jobs_(jobs),
        name_of_(std::move(name_of)),
        on_reading_(std::move(on_reading)) {}

  // Reads a workload, or notes that it must be read after its current job.
  void Read(const ReportReader::Kept& kept, std::shared_ptr<const Topology> topology,
            ReadCause cause);

  // Reads the workload if Read has noted that. Call it at the end of its other jobs.
  void ReadNoted(const Workload& workload);

 private:
  struct Noted {
    std::shared_ptr<const Topology> topology;
    ReadCause cause;
  };

  ReportReader& reader_;
  WorkloadJobs& jobs_;
  const std::function<std::string(const Workload&)> name_of_;
  const std::function<void(const Reading&)> on_reading_;
  std::map<uint64_t, Noted> noted_;  // by cgroup id
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_REPORT_REPORT_JOBS_H_
