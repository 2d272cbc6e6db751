// Protection of workloads from requests: by the configuration's protectedNamespaces, and by a pod's
// annotation "off".
#ifndef NUMALOCALITY_AGENT_ENGINE_MIGRATE_PROTECTION_H_
#define NUMALOCALITY_AGENT_ENGINE_MIGRATE_PROTECTION_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/engine/context.h"
#include "agent/model/migration.h"
#include "agent/model/workload.h"

namespace numalocality {

// FAILED_PRECONDITION, with the rule and what to do, if `workload` is protected, if it contains a
// container that is (a cgroup of a pod, or of all pods), or if that is not known: facts that a name
// source would know are waited for until `known_by`, a monotonic time, at the longest. Without a
// source of annotations, no pod has the annotation "off"; without one of namespaces, no pod is in a
// protected one. Workloads outside of pods are never protected. CANCELLED once
// `is_cancelled`.
absl::Status CheckNotProtected(const EngineContext& context, const Workload& workload,
                               absl::Duration known_by, absl::FunctionRef<bool()> is_cancelled);

// The time by which a request of `origin` that comes in now can expect facts about containers that
// have just started. The repair loop does not wait: it has matched the same facts.
absl::Duration KnownBy(const EngineContext& context, MigrationOrigin origin);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MIGRATE_PROTECTION_H_
