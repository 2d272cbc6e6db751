// What the agent knows of all workloads at one time: the reports that policies, metrics and
// watchers share.
#ifndef NUMALOCALITY_AGENT_MODEL_LOCALITY_REPORT_H_
#define NUMALOCALITY_AGENT_MODEL_LOCALITY_REPORT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "agent/model/container_names.h"
#include "agent/model/placement.h"
#include "agent/model/repair.h"
#include "agent/model/topology.h"

namespace numalocality {

// One workload. Immutable once it is in a LocalityReport.
struct WorkloadReport {
  WorkloadPlacement placement;       // `processes` filled where their homes differ
  ContainerDescription description;  // the same names as placement.workload's
  std::optional<RepairDecision> decision;
  absl::Time home_since = absl::InfinitePast();  // its home nodes, and its processes', are as now
};

struct LocalityReport {
  absl::Time read_time = absl::InfinitePast();
  absl::Duration cpu_time;                                       // that reading it took
  Topology topology;                                             // with the free memory at the time
  std::vector<std::shared_ptr<const WorkloadReport>> workloads;  // by cgroup path
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_LOCALITY_REPORT_H_
