// The placements of all workloads as a watcher knows them, kept up with the agent's changes.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_PLACEMENT_BOARD_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_PLACEMENT_BOARD_H_

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "numalocality/v1/placement.pb.h"

namespace numalocality::localityctl {

class PlacementBoard {
 public:
  // Takes a change in. False if that was no news: someone is gone who was not known.
  bool Apply(const v1::WatchPlacementsResponse& change);

  // Whether nothing is missing: not between a resync and the end of what follows it.
  bool is_synced() const { return is_synced_; }

  // In the order of their cgroup paths.
  v1::ListPlacementsResponse List() const;

 private:
  // A workload's identity: another cgroup under the same path is another workload.
  using Key = std::tuple<std::string, uint64_t, int32_t>;
  static Key KeyOf(const v1::Workload& workload) {
    return {workload.cgroup_path(), workload.cgroup_id(), workload.pid()};
  }

  std::map<Key, v1::WorkloadPlacement> placements_;
  bool is_synced_ = false;
};

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_PLACEMENT_BOARD_H_
