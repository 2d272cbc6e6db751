// Spill-over: of several targets of a migration, a full one hands over to the next.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_SPILL_OVER_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_SPILL_OVER_H_

#include <optional>
#include <string>
#include <vector>

#include "agent/engine/workload/node_room.h"
#include "agent/model/ids.h"
#include "agent/model/migration_plan.h"
#include "agent/model/node_map.h"
#include "agent/model/topology.h"

namespace numalocality {

// Stateless and thread-safe.
class SpillOver {
 public:
  // All references must outlive this. If not `is_on`, each page has only the target in `targets`.
  SpillOver(const NodeMap& targets, const Topology& topology, const NodeRoom& room, bool is_on)
      : targets_(targets), topology_(topology), room_(room), is_on_(is_on) {}

  // Whether a page that is on `node` now (negative: nowhere) is where its move wanted it: on the
  // target or, with spill-over, on any target.
  bool IsThere(const PageMove& move, int node) const;

  // Removes from `moves`, whose target is full, those that have another target; returns them with
  // that: the nearest to the page's node that is not full or, of several, the one with most room.
  std::vector<PageMove> Redirect(std::vector<PageMove>& moves) const;

  // For people: the room on `target` or, with spill-over, on all targets.
  std::string RoomWords(NodeId target) const;

 private:
  std::optional<NodeId> NextTarget(NodeId source) const;

  const NodeMap& targets_;
  const Topology& topology_;
  const NodeRoom& room_;
  const bool is_on_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_SPILL_OVER_H_
