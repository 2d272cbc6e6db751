#include "agent/engine/repair/active_migrations.h"

#include <algorithm>

namespace numalocality {

void ActiveMigrations::Update(const Migration& migration, absl::Duration now) {
  if (const auto& evacuation = migration.request.evacuation; evacuation.has_value()) {
    cleared_until_[evacuation->node] =
        IsFinal(migration.state) ? now + evacuation->keep_clear : absl::InfiniteDuration();
  }
  if (IsFinal(migration.state)) {
    Drop(migration.id);
    return;
  }
  std::vector<Workload>& workloads = moving_[migration.id];
  workloads.clear();
  for (const WorkloadMigration& result : migration.workloads) workloads.push_back(result.workload);
}

void ActiveMigrations::Drop(const std::string& id) {
  moving_.erase(id);
  repairs_.erase(id);
}

void ActiveMigrations::Claim(const Workload& workload, const NodeSet& homes, int64_t bytes) {
  claims_[workload.cgroup_id] = {homes, bytes};
}

void ActiveMigrations::DropClaim(const Workload& workload) { claims_.erase(workload.cgroup_id); }

void ActiveMigrations::AddRepair(const Migration& migration, const NodeSet& homes) {
  Update(migration, -absl::InfiniteDuration());
  repairs_[migration.id] = {homes, migration.estimate.has_value() ? migration.estimate->bytes : 0};
}

std::string ActiveMigrations::Moving(const Workload& workload) const {
  for (const auto& [id, workloads] : moving_) {
    for (const Workload& moved : workloads) {
      if (moved.Overlaps(workload)) return id;
    }
  }
  return "";
}

int64_t ActiveMigrations::ClaimedBytes(NodeId node) const {
  int64_t bytes = 0;
  for (const auto& [id, repair] : repairs_) {
    if (repair.homes.Contains(node)) bytes += repair.bytes;
  }
  for (const auto& [id, repair] : claims_) {
    if (repair.homes.Contains(node)) bytes += repair.bytes;
  }
  return bytes;
}

NodeSet ActiveMigrations::ClearedNodes(absl::Duration now) const {
  NodeSet nodes;
  for (const auto& [node, until] : cleared_until_) {
    if (until > now) nodes.Insert(node);
  }
  return nodes;
}

absl::Duration ActiveMigrations::ClearedUntil() const {
  absl::Duration latest = -absl::InfiniteDuration();
  for (const auto& [node, until] : cleared_until_) latest = std::max(latest, until);
  return latest;
}

}  // namespace numalocality
