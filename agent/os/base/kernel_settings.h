// Settings of the running kernel that an operator should see beside the agent's findings
// (Documentation/admin-guide/LSM/index.rst, Documentation/admin-guide/mm/transhuge.rst).
#ifndef NUMALOCALITY_AGENT_OS_BASE_KERNEL_SETTINGS_H_
#define NUMALOCALITY_AGENT_OS_BASE_KERNEL_SETTINGS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/os/base/host.h"

namespace numalocality {

// Linux security modules in force, such as "apparmor". NOT_FOUND where securityfs is not mounted,
// as in most containers.
absl::StatusOr<std::vector<std::string>> ReadSecurityModules(const Host& host);

// When anonymous memory gets transparent huge pages: "always", "madvise" or "never". NOT_FOUND on
// kernels built without them.
absl::StatusOr<std::string> ReadHugePageMode(const Host& host);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_BASE_KERNEL_SETTINGS_H_
