// Why the kernel refuses access to another process, from what it says about this one.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_DENIAL_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_DENIAL_H_

#include <string>

#include "absl/strings/string_view.h"
#include "agent/os/host_paths.h"

namespace numalocality {

// The likeliest of: a missing capability, a seccomp filter, a security module; in this order, as
// each can be seen only if those before it are ruled out. `self_status`: /proc/self/status. Pure.
std::string ExplainDenial(absl::string_view self_status);

// The same for this process.
std::string ExplainDenial(const HostPaths& paths);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_DENIAL_H_
