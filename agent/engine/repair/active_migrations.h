// The migrations that wait or run, and what they make unavailable to repairs: the workloads that
// they move, the room that they claim on nodes, and nodes that are being cleared.
#ifndef NUMALOCALITY_AGENT_ENGINE_REPAIR_ACTIVE_MIGRATIONS_H_
#define NUMALOCALITY_AGENT_ENGINE_REPAIR_ACTIVE_MIGRATIONS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/model/id_set.h"
#include "agent/model/migration.h"

namespace numalocality {

// All points in time are monotonic. Not thread-safe: only the repair loop's thread uses it.
class ActiveMigrations {
 public:
  // Takes in the current state of a migration. Of a final one only the node that it cleared is
  // remembered.
  void Update(const Migration& migration, absl::Duration now);
  // Takes in a repair that is being submitted for `workload`, and will move `bytes` to `homes`.
  void Claim(const Workload& workload, const NodeSet& homes, int64_t bytes);
  void DropClaim(const Workload& workload);
  // Takes in a repair that was submitted; it moves memory to `homes`.
  void AddRepair(const Migration& migration, const NodeSet& homes);

  // Forgets a migration that has ended.
  void Drop(const std::string& id);

  // The id of a migration that moves `workload`; empty if there is none.
  std::string Moving(const Workload& workload) const;

  int RepairCount() const { return static_cast<int>(repairs_.size() + claims_.size()); }
  // Bytes that repairs are about to move to a node.
  int64_t ClaimedBytes(NodeId node) const;

  // Nodes that were evacuated and are kept clear, and when the last of them is free again.
  NodeSet ClearedNodes(absl::Duration now) const;
  absl::Duration ClearedUntil() const;

 private:
  struct Repair {
    NodeSet homes;
    int64_t bytes = 0;
  };

  std::map<std::string, std::vector<Workload>> moving_;  // by id
  std::map<std::string, Repair> repairs_;                // by id
  std::map<uint64_t, Repair> claims_;                    // by cgroup id
  std::map<NodeId, absl::Duration> cleared_until_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_REPAIR_ACTIVE_MIGRATIONS_H_
