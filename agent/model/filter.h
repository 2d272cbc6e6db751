// Filters: which workloads and migrations a list or a watch shows.
#ifndef NUMALOCALITY_AGENT_MODEL_FILTER_H_
#define NUMALOCALITY_AGENT_MODEL_FILTER_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/model/migration.h"
#include "agent/model/workload.h"

namespace numalocality {

// All conditions that are set must hold.
struct WorkloadFilter {
  std::vector<std::string> namespaces;  // empty: all, and workloads outside Kubernetes
  std::string pod_name;                 // empty: all

  bool Matches(const Workload& workload) const;
  bool operator==(const WorkloadFilter&) const = default;
};

struct MigrationFilter {
  WorkloadFilter workloads;                 // of at least one of its workloads
  std::vector<MigrationState> states;       // empty: any
  absl::Time since = absl::InfinitePast();  // it had not ended before

  bool Matches(const Migration& migration) const;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_FILTER_H_
