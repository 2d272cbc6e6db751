#include "agent/model/repair.h"

#include <array>
#include <cstddef>

namespace numalocality {

absl::string_view RepairVerdictName(RepairVerdict verdict) {
  static constexpr std::array<absl::string_view, 3> kNames = {"repair", "wait", "leave"};
  return kNames[static_cast<size_t>(verdict)];
}

absl::string_view RepairReasonName(RepairReason reason) {
  static constexpr std::array<absl::string_view, kRepairReasonCount> kNames = {
      "remote",    "local",          "too_little",     "observed",       "off",
      "protected", "labels_unknown", "unknown_policy", "settling",       "cooling_down",
      "gave_up",   "ping_pong",      "no_room",        "cpuset_forbids", "reserved",
      "migrating", "busy",           "node_cleared",   "no_home",        "refused"};
  return kNames[static_cast<size_t>(reason)];
}

}  // namespace numalocality
