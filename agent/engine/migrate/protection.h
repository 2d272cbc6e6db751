// Protection of workloads from requests: by the configuration's protectedNamespaces, and by a pod's
// annotation "off".
#ifndef NUMALOCALITY_AGENT_ENGINE_MIGRATE_PROTECTION_H_
#define NUMALOCALITY_AGENT_ENGINE_MIGRATE_PROTECTION_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/engine/context.h"
#include "agent/model/migration.h"
#include "agent/model/workload.h"

namespace numalocality {

// FAILED_PRECONDITION, with the rule and what to do, if `workload` is protected, if it contains a
// container that is (a cgroup of a pod, or of all pods), or if that is still not known at
// `known_by`, a monotonic time, although name sources exist that would know it. Without such
// sources, nothing is protected.
absl::Status CheckNotProtected(const EngineContext& context, const Workload& workload,
                               absl::Duration known_by);

// The time by which a request of `origin` that comes in now can expect facts about containers that
// have just started. The repair loop does not wait: it has matched the same facts.
absl::Duration KnownBy(const EngineContext& context, MigrationOrigin origin);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MIGRATE_PROTECTION_H_
