// Explains why the kernel refused a call of numa-migrate: a missing capability, a seccomp filter,
// or a security module.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_DENIAL_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_DENIAL_H_

#include <string>

#include "absl/status/status.h"
#include "agent/model/privileges.h"
#include "agent/os/base/host.h"

namespace numalocality::numa_migrate {

// The likeliest cause. A missing `needed` capability comes first, then a seccomp filter, then a
// security module, as each cause can be recognized only if the earlier ones are ruled out. Pure.
std::string ExplainDenial(const Privileges& privileges, Capability needed);

// Adds that explanation to `status` if it is PERMISSION_DENIED; returns other errors unchanged.
absl::Status WithDenial(const absl::Status& status, Capability needed, const Host& host);

// Whether numa-migrate has a capability; false if that cannot be read.
bool HasCapability(Capability capability, const Host& host);

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_DENIAL_H_
