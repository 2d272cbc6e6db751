// The report: the placements of all workloads at one time, with the repair loop's decisions. The
// repair loop, metrics and watchers share it.
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

// The report on one workload. Immutable once it is in a LocalityReport.
struct WorkloadReport {
  WorkloadPlacement placement;       // `processes` is set if their homes differ
  ContainerDescription description;  // with the same names as placement.workload
  std::optional<RepairDecision> decision;
  // Last change of its or its processes' home nodes; monotonic.
  absl::Duration home_since = -absl::InfiniteDuration();
};

struct LocalityReport {
  absl::Time read_time = absl::InfinitePast();
  absl::Duration cpu_time;  // of reading it
  Topology topology;        // with the free memory at that time
  std::vector<std::shared_ptr<const WorkloadReport>> workloads;  // by cgroup path
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_LOCALITY_REPORT_H_
