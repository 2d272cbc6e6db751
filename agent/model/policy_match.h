// Which policy applies to a workload. Pure.
#ifndef NUMALOCALITY_AGENT_MODEL_POLICY_MATCH_H_
#define NUMALOCALITY_AGENT_MODEL_POLICY_MATCH_H_

#include <string>

#include "agent/model/configuration.h"
#include "agent/model/container_names.h"
#include "agent/model/repair.h"
#include "agent/model/workload.h"

namespace numalocality {

// The annotation of a pod with the name of its policy, or "off".
inline constexpr char kPolicyAnnotation[] = "numa-locality.io/policy";

// Whether that annotation is "off".
bool IsTurnedOff(const ContainerDescription& description);

struct PolicyMatch {
  const LocalityPolicy* policy = nullptr;  // of the configuration; null if none applies
  // Why no policy applies: kObserved (none matches), kOff, kProtected, kLabelsUnknown,
  // kUnknownPolicy, kPolicyForbidden.
  RepairReason reason = RepairReason::kObserved;
  std::string message;
};

// The policy that the pod's annotation names, if it may; else the first whose selector matches. An
// annotation that is not allowed, or names no policy, makes none apply. If a required
// namespace, label or annotation is unknown, no policy applies. `metadata_expected`: a source of
// labels and annotations is configured, so a pod without metadata is not known to the source yet.
PolicyMatch MatchPolicy(const Configuration& configuration, const Workload& workload,
                        const ContainerDescription& description, bool metadata_expected);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_POLICY_MATCH_H_
