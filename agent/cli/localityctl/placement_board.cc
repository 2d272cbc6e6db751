#include "agent/cli/localityctl/placement_board.h"

namespace numalocality::localityctl {

bool PlacementBoard::Apply(const v1::WatchPlacementsResponse& change) {
  switch (change.change_case()) {
    case v1::WatchPlacementsResponse::kPlacement:
      placements_[KeyOf(change.placement().workload())] = change.placement();
      break;
    case v1::WatchPlacementsResponse::kGone: return placements_.erase(KeyOf(change.gone())) > 0;
    case v1::WatchPlacementsResponse::kResync:
      placements_.clear();
      is_synced_ = false;
      break;
    case v1::WatchPlacementsResponse::kSynced: is_synced_ = true; break;
    case v1::WatchPlacementsResponse::CHANGE_NOT_SET: break;  // of a newer agent
  }
  return true;
}

v1::ListPlacementsResponse PlacementBoard::List() const {
  v1::ListPlacementsResponse list;
  for (const auto& [key, placement] : placements_) *list.add_placements() = placement;
  return list;
}

}  // namespace numalocality::localityctl
