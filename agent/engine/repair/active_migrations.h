// The migrations that wait or run, and what they keep the repair loop from: their workloads, room
// on nodes, nodes that are being cleared.
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

// Not thread-safe.
class ActiveMigrations {
 public:
  // A migration as it is now; a final one is forgotten, but for the node that it cleared. `homes`:
  // where a repair puts its memory.
  void Update(const Migration& migration, absl::Time now);
  void AddRepair(const Migration& migration, const NodeSet& homes);

  // The id of one that moves `workload`; empty if none does.
  std::string Moving(const Workload& workload) const;

  int RepairCount() const { return static_cast<int>(repairs_.size()); }
  // What repairs are about to put on a node.
  int64_t ClaimedBytes(NodeId node) const;

  // Nodes that were evacuated and are kept clear, and until when at most.
  NodeSet ClearedNodes(absl::Time now) const;
  absl::Time ClearedUntil() const;

 private:
  struct Repair {
    NodeSet homes;
    int64_t bytes = 0;
  };

  std::map<std::string, std::vector<Workload>> moving_;  // by id
  std::map<std::string, Repair> repairs_;                // by id
  std::map<NodeId, absl::Time> cleared_until_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_REPAIR_ACTIVE_MIGRATIONS_H_
