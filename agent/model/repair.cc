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
    {RepairReason::kTooLarge, "too_large_to_sample", "too large to sample", ""},
}};
static_assert(IsWellFormed(kRepairReasons));

}  // namespace

const EnumTable<RepairVerdict>& TableOf(RepairVerdict) { return kRepairVerdicts; }
const EnumTable<RepairReason>& TableOf(RepairReason) { return kRepairReasons; }

}  // namespace numalocality
