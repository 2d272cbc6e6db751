#include "agent/model/repair.h"

namespace numalocality {
namespace {

constexpr EnumTable<RepairVerdict> kRepairVerdicts = {{
    {RepairVerdict::kRepair, "repair", "repair", ""},
    {RepairVerdict::kWait, "wait", "wait", ""},
    {RepairVerdict::kLeave, "leave", "leave", ""},
}};
static_assert(IsWellFormed(kRepairVerdicts));

// No advice: a decision's message has it, with the figures of its workload.
constexpr EnumTable<RepairReason> kRepairReasons = {{
    {RepairReason::kRemote, "remote", "remote", ""},
    {RepairReason::kLocal, "local", "local", ""},
    {RepairReason::kTooLittle, "too_little", "too little", ""},
    {RepairReason::kObserved, "observed", "observed", ""},
    {RepairReason::kOff, "off", "off", ""},
    {RepairReason::kProtected, "protected", "protected", ""},
    {RepairReason::kLabelsUnknown, "labels_unknown", "labels unknown", ""},
    {RepairReason::kUnknownPolicy, "unknown_policy", "unknown policy", ""},
    {RepairReason::kPolicyForbidden, "policy_forbidden", "policy forbidden", ""},
    {RepairReason::kSettling, "settling", "settling", ""},
    {RepairReason::kCoolingDown, "cooling_down", "cooling down", ""},
    {RepairReason::kGaveUp, "gave_up", "gave up", ""},
    {RepairReason::kPingPong, "ping_pong", "ping pong", ""},
    {RepairReason::kNoRoom, "no_room", "no room", ""},
    {RepairReason::kCpusetForbids, "cpuset_forbids", "cpuset forbids", ""},
    {RepairReason::kReserved, "reserved", "reserved", ""},
    {RepairReason::kMigrating, "migrating", "migrating", ""},
    {RepairReason::kBusy, "busy", "busy", ""},
    {RepairReason::kNodeCleared, "node_cleared", "node cleared", ""},
    {RepairReason::kNoHome, "no_home", "no home", ""},
    {RepairReason::kRefused, "refused", "refused", ""},
    {RepairReason::kUnderPressure, "under_pressure", "under pressure", ""},
    {RepairReason::kUnread, "unread", "unread", ""},
    {RepairReason::kTooLarge, "too_large_to_sample", "too large to sample", ""},
}};
static_assert(IsWellFormed(kRepairReasons));

}  // namespace

const EnumTable<RepairVerdict>& TableOf(RepairVerdict) { return kRepairVerdicts; }
const EnumTable<RepairReason>& TableOf(RepairReason) { return kRepairReasons; }

bool IsSame(const RepairDecision& a, const RepairDecision& b) {
  return a.verdict == b.verdict && a.reason == b.reason && a.policy == b.policy;
}

bool SameNext(const RepairDecision& a, const RepairDecision& b) {
  return a.next == b.next && (a.next_time == b.next_time ||
                              absl::AbsDuration(a.next_time - b.next_time) < absl::Seconds(1));
}

bool IsAtHome(const RepairDecision& decision) {
  return decision.reason == RepairReason::kLocal || decision.reason == RepairReason::kTooLittle;
}

}  // namespace numalocality
