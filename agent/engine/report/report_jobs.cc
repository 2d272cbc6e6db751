#include "agent/engine/report/report_jobs.h"

#include "agent/base/clock.h"

namespace numalocality {

void ReportJobs::Read(const ReportReader::Kept& kept, std::shared_ptr<const Topology> topology,
                      ReadCause cause) {
  const uint64_t id = kept->workload.cgroup_id;
  if (jobs_.IsBusy(id)) {
    const bool resample = cause.resample;
    const auto noted = noted_.try_emplace(id, Noted{std::move(topology), std::move(cause)}).first;
    noted->second.cause.resample = noted->second.cause.resample || resample;
    return;
  }
  jobs_.Run(
      kept->workload, "report of " + name_of_(kept->workload),
      [this, kept, topology, cause](const JobWatch& watch) {
        const absl::Duration before = ThreadCpuTime();
        auto report = reader_.Read(*kept, *topology, cause.resample, watch);
        const Reading reading{kept->workload, cause, std::move(report), ThreadCpuTime() - before};
        return [this, reading] {
          if (absl::IsNotFound(reading.report.status())) reader_.Drop(reading.workload);
          if (reader_.Has(reading.workload)) on_reading_(reading);
          ReadNoted(reading.workload);
        };
      });
}

void ReportJobs::ReadNoted(const Workload& workload) {
  auto noted = noted_.extract(workload.cgroup_id);
  if (noted.empty() || !reader_.Has(workload)) return;
  Read(reader_.Below(workload.cgroup_path).front(), std::move(noted.mapped().topology),
       std::move(noted.mapped().cause));
}

}  // namespace numalocality
