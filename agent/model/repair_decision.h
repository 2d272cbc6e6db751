// Decides whether the repair loop migrates a workload's memory to its home nodes now. Pure.
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
#include "agent/model/room.h"
#include "agent/model/topology.h"

namespace numalocality {

// The facts besides the workload's report.
struct RepairFacts {
  absl::Duration now;                            // monotonic, as are all points in time here
  std::string migration_id;                      // its running or queued migration; empty: none
  std::optional<absl::Duration> reserved_until;  // nullopt: it is not reserved
  std::string reserved_by;
  NodeSet cleared_nodes;  // that were evacuated and are kept clear
  absl::Duration cleared_until;
  // The room on each node (see model/room), less what running repairs will use.
  std::map<NodeId, int64_t> room_bytes;
  std::map<NodeId, RoomCount> room;    // how these were counted
  bool may_start = true;               // fewer repairs run than the limit
  double bytes_per_second = 0;         // of earlier migrations; 0: none yet
  std::optional<std::string> refused;  // why the last request was refused
  double pressure = 0;  // fraction of its time that it lost to memory pressure lately
};

struct DecidedRepair {
  RepairDecision decision;
  RepairEstimate estimate;  // only for kRepair
};

// A repair aims at a local fraction this much above the policy's threshold: it does not move all
// memory, and is not needed again immediately.
inline constexpr double kAimAbove = 0.03;

// A repair that takes longer ends, and waits until others had their turn: its workload is under
// pressure, or the kernel is slow. In this time some 100 GiB move.
inline constexpr absl::Duration kLongestRepair = absl::Minutes(5);
// When a workload under pressure is looked at again: the kernel's average is over this time.
inline constexpr absl::Duration kPressureSpan = absl::Seconds(10);

// The remote bytes that a repair may move: those on nodes with CPUs, of the kinds that repairs
// move. Memory on other nodes (CXL, GPU) was put there on purpose.
int64_t RepairableBytes(const WorkloadPlacement& placement, const Topology& topology);

// For people: why no repair starts while a workload loses this fraction of its time to memory
// pressure.
std::string PressureMessage(double pressure);

DecidedRepair DecideRepair(const WorkloadReport& report, const PolicyMatch& match,
                           const RepairHistory& history, const Topology& topology,
                           const RepairFacts& facts);

// The request for a decided repair. `trigger`: the event that made the loop look at the workload.
MigrationRequest RepairRequest(const WorkloadReport& report, const LocalityPolicy& policy,
                               const Topology& topology, const RepairEstimate& estimate,
                               std::string trigger);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_REPAIR_DECISION_H_
