// What the kernel lets this program do, from /proc/self (Documentation/filesystems/proc.rst).
#ifndef NUMALOCALITY_AGENT_OS_BASE_OWN_PRIVILEGES_H_
#define NUMALOCALITY_AGENT_OS_BASE_OWN_PRIVILEGES_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/model/privileges.h"
#include "agent/os/base/host.h"

namespace numalocality {

// Privileges as they are now.
absl::StatusOr<Privileges> ReadOwnPrivileges(const Host& host);

// /proc/PID/status; the PID namespace is not in it. INVALID_ARGUMENT if a line is missing.
absl::StatusOr<Privileges> ParsePrivileges(absl::string_view status);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_BASE_OWN_PRIVILEGES_H_
