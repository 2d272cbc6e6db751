// The running kernel: its release, and settings that an operator should see beside the agent's
// findings (Documentation/admin-guide/LSM/index.rst, Documentation/admin-guide/mm/transhuge.rst).
#ifndef NUMALOCALITY_AGENT_OS_BASE_RUNNING_KERNEL_H_
#define NUMALOCALITY_AGENT_OS_BASE_RUNNING_KERNEL_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/os/base/host.h"

namespace numalocality {

// The release decides only what cannot be tested by a system call. Prefer a test where one exists.
struct KernelRelease {
  std::string text;  // "6.12.38-amd64"
  int major = 0;
  int minor = 0;

  bool IsAtLeast(int wanted_major, int wanted_minor) const {
    return major != wanted_major ? major > wanted_major : minor >= wanted_minor;
  }
};

// INVALID_ARGUMENT if the text does not begin with two numbers. Pure.
absl::StatusOr<KernelRelease> ParseKernelRelease(absl::string_view text);

// Reads /proc/sys/kernel/osrelease.
absl::StatusOr<KernelRelease> ReadKernelRelease(const Host& host);

// The active Linux security modules, such as "apparmor". NOT_FOUND if securityfs is not mounted, as
// in most containers.
absl::StatusOr<std::vector<std::string>> ReadSecurityModules(const Host& host);

// When anonymous memory gets transparent huge pages: "always", "madvise" or "never". NOT_FOUND on
// kernels built without them.
absl::StatusOr<std::string> ReadHugePageMode(const Host& host);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_BASE_RUNNING_KERNEL_H_
