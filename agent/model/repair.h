// What the repair loop decides about a workload, and why.
#ifndef NUMALOCALITY_AGENT_MODEL_REPAIR_H_
#define NUMALOCALITY_AGENT_MODEL_REPAIR_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/model/enum_table.h"

namespace numalocality {

enum class RepairVerdict {
  kRepair,  // a migration is to be submitted
  kWait,    // not now; the reason may pass by itself
  kLeave,
};

enum class RepairReason {
  kRemote,         // enough of it is remote and may be moved
  kLocal,          // at least minLocalFraction
  kTooLittle,      // less than minRemoteBytes is remote and repairable
  kObserved,       // the policy only observes, or none matches
  kOff,            // the pod's annotation says so
  kProtected,      // by its namespace
  kLabelsUnknown,  // names, labels or annotations that the policies ask for are not known
  kUnknownPolicy,  // the annotation names a policy that does not exist
  kSettling,       // its CPUs have changed within the policy's settle time
  kCoolingDown,    // after its last migration
  kGaveUp,         // repairs have not helped: what is left does not move
  kPingPong,       // its memory was moved away after repairs, or its home changes again and again
  kNoRoom,         // on the home nodes
  kCpusetForbids,  // the home nodes
  kReserved,       // by a controller
  kMigrating,      // already
  kBusy,           // as many repairs run as may, or an API request goes first
  kNodeCleared,    // a home node is being kept clear after an evacuation
  kNoHome,         // its CPUs are on no node with memory near
  kRefused,        // the agent may not do it, or could not
};

const EnumTable<RepairVerdict>& TableOf(RepairVerdict);
const EnumTable<RepairReason>& TableOf(RepairReason);

// Older names of KeyOf.
inline absl::string_view RepairVerdictName(RepairVerdict verdict) { return KeyOf(verdict); }
inline absl::string_view RepairReasonName(RepairReason reason) { return KeyOf(reason); }

struct RepairDecision {
  RepairVerdict verdict = RepairVerdict::kLeave;
  RepairReason reason = RepairReason::kObserved;
  std::string message;                       // for people
  std::string policy;                        // name of the policy that applies; empty if none does
  absl::Time next = absl::InfiniteFuture();  // when it may change by itself
  absl::Time since;                          // decided first; later decisions were the same
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_REPAIR_H_
