// Why the kernel refuses what this program asked for, from what it says about this program.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_DENIAL_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_DENIAL_H_

#include <string>

#include "absl/status/status.h"
#include "agent/model/privileges.h"
#include "agent/os/base/host.h"

namespace numalocality::numa_migrate {

// The likeliest of: `needed` is missing, a seccomp filter, a security module; in this order, as
// each can be seen only if those before it are ruled out. Pure.
std::string ExplainDenial(const Privileges& privileges, Capability needed);

// `status`, if it is PERMISSION_DENIED with that explanation for this program; else as it is.
absl::Status WithDenial(const absl::Status& status, Capability needed, const Host& host);

// Whether this program has a capability; false if the kernel does not tell.
bool HasCapability(Capability capability, const Host& host);

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_DENIAL_H_
