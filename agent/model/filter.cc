#include "agent/model/filter.h"

#include <algorithm>

namespace numalocality {
namespace {

template <typename T>
bool IsOneOf(const std::vector<T>& values, const T& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

}  // namespace

bool WorkloadFilter::Matches(const Workload& workload) const {
  if (!namespaces.empty() && !IsOneOf(namespaces, workload.names.pod_namespace)) return false;
  return pod_name.empty() || workload.names.pod == pod_name;
}

bool MigrationFilter::Matches(const Migration& migration) const {
  if (!states.empty() && !IsOneOf(states, migration.state)) return false;
  if (IsFinal(migration.state) && migration.end_time < since) return false;
  if (workloads == WorkloadFilter()) return true;
  return std::any_of(migration.workloads.begin(), migration.workloads.end(),
                     [this](const auto& each) { return workloads.Matches(each.workload); });
}

}  // namespace numalocality
