#include "agent/engine/health/configuration_check.h"

#include "absl/strings/str_cat.h"

namespace numalocality {

absl::Status CheckConfiguration(const Configuration& configuration,
                                const CapabilitySet& capabilities) {
  if (capabilities.Has(Capability::kSysNice)) return absl::OkStatus();
  for (const LocalityPolicy& policy : configuration.policies) {
    if (policy.sharing == SharingRule::kNever) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "policy '", policy.name,
        "': shared: ", policy.sharing == SharingRule::kOwned ? "owned" : "all",
        " needs CAP_SYS_NICE, which the agent does not have; add SYS_NICE to the capabilities of "
        "its container, or write shared: never"));
  }
  return absl::OkStatus();
}

}  // namespace numalocality
