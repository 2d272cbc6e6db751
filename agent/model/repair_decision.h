// Whether a workload's memory is brought home now. Pure: the same facts give the same decision.
#ifndef NUMALOCALITY_AGENT_MODEL_REPAIR_DECISION_H_
#define NUMALOCALITY_AGENT_MODEL_REPAIR_DECISION_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "agent/model/configuration.h"
#include "agent/model/locality_report.h"
#include "agent/model/policy_match.h"
#include "agent/model/repair.h"
#include "agent/model/repair_history.h"
#include "agent/model/topology.h"

namespace numalocality {

// What is so around a workload.
struct RepairFacts {
  absl::Time now;
  std::string migration_id;                  // that is moving it, or waits to; empty: none
  std::optional<absl::Time> reserved_until;  // by a controller
  std::string reserved_by;
  NodeSet cleared_nodes;  // that were evacuated and are kept clear
  absl::Time cleared_until;
  // What each node can take without touching its reserve, repairs under way taken off.
  std::map<NodeId, int64_t> room_bytes;
  bool may_start = true;               // as few repairs run as may
  double bytes_per_second = 0;         // of earlier migrations; 0: none yet
  std::optional<std::string> refused;  // why the last request was refused
};

struct DecidedRepair {
  RepairDecision decision;
  RepairEstimate estimate;  // of kRepair
};

// How much above its threshold a repair aims, so that it stops well below everything and yet is not
// needed again at once.
inline constexpr double kAimAbove = 0.03;

// Of the remote memory of the kinds that repairs move, the bytes on nodes with CPUs: what lies on
// others (CXL, GPU) was put there on purpose.
int64_t RepairableBytes(const WorkloadPlacement& placement, const Topology& topology);

DecidedRepair DecideRepair(const WorkloadReport& report, const PolicyMatch& match,
                           const RepairHistory& history, const Topology& topology,
                           const RepairFacts& facts);

// The request for what was decided, with its estimate. `trigger`: what made the loop look.
MigrationRequest RepairRequest(const WorkloadReport& report, const LocalityPolicy& policy,
                               const Topology& topology, const RepairEstimate& estimate,
                               std::string trigger);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_REPAIR_DECISION_H_
