// Repair decisions: what the repair loop decides about a workload, and why.
#ifndef NUMALOCALITY_AGENT_MODEL_REPAIR_H_
#define NUMALOCALITY_AGENT_MODEL_REPAIR_H_

#include <string>

#include "absl/time/time.h"
#include "agent/model/enum_table.h"

namespace numalocality {

enum class RepairVerdict {
  kRepair,  // the loop submits a migration
  kWait,    // not now; the reason may end without a change of configuration
  kLeave,
};

enum class RepairReason {
  kRemote,           // at least minRemoteBytes is remote and repairable
  kLocal,            // at least minLocalFraction
  kTooLittle,        // less than minRemoteBytes is remote and repairable
  kObserved,         // the policy only observes, or none matches
  kOff,              // the pod's annotation turns repairs off
  kProtected,        // its namespace is protected
  kLabelsUnknown,    // names, labels or annotations that the policies need are unknown
  kUnknownPolicy,    // the annotation names a policy that does not exist
  kPolicyForbidden,  // the annotation names a policy that the pod must not choose
  kSettling,         // its home nodes changed within the policy's settle time
  kCoolingDown,      // within the cool-down after its last migration
  kGaveUp,           // repairs did not help: the remaining pages cannot be moved
  kPingPong,         // its memory was moved away after repairs, or its home nodes keep changing
  kNoRoom,           // the home nodes have no room
  kCpusetForbids,    // cpuset.mems forbids the home nodes
  kReserved,         // a controller has reserved it
  kMigrating,        // a migration is moving it
  kBusy,             // the limit of repairs is reached, or an API request goes first
  kNodeCleared,      // a home node is kept clear after an evacuation
  kNoHome,           // its CPUs are not on or near a node with memory
  kRefused,          // the migration was refused
  kUnderPressure,    // it loses much of its time to memory pressure
  kUnread,           // its last report is old, or missing: reading it fails, or has not ended
  kTooLarge,         // reading its processes exceeds the budget: see PlacementState
};

const EnumTable<RepairVerdict>& TableOf(RepairVerdict);
const EnumTable<RepairReason>& TableOf(RepairReason);

struct RepairDecision {
  RepairVerdict verdict = RepairVerdict::kLeave;
  RepairReason reason = RepairReason::kObserved;
  std::string message;                             // for people
  std::string policy;                              // the name of the policy; empty if none applies
  absl::Duration next = absl::InfiniteDuration();  // may change by itself then; monotonic
  absl::Time next_time = absl::InfiniteFuture();   // the same for people
  absl::Time since;                                // when this decision was first made
};

// Whether both decide the same, apart from figures and times.
bool IsSame(const RepairDecision& a, const RepairDecision& b);

// Whether both may change by themselves at the same time. The wall time of `next` differs by a
// little each time, and by more after the clock was set.
bool SameNext(const RepairDecision& a, const RepairDecision& b);

// Whether the workload's memory is where it should be, as far as this decision goes.
bool IsAtHome(const RepairDecision& decision);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_REPAIR_H_
