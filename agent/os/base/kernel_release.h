// Which kernel this is. For what cannot be tried out: where trying tells, trying is better.
#ifndef NUMALOCALITY_AGENT_OS_BASE_KERNEL_RELEASE_H_
#define NUMALOCALITY_AGENT_OS_BASE_KERNEL_RELEASE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/os/base/host.h"

namespace numalocality {

struct KernelRelease {
  std::string text;  // "6.12.38-amd64"
  int major = 0;
  int minor = 0;

  bool IsAtLeast(int wanted_major, int wanted_minor) const {
    return major != wanted_major ? major > wanted_major : minor >= wanted_minor;
  }
};

// INVALID_ARGUMENT if the text does not begin with two numbers.
absl::StatusOr<KernelRelease> ParseKernelRelease(absl::string_view text);

// /proc/sys/kernel/osrelease.
absl::StatusOr<KernelRelease> ReadKernelRelease(const Host& host);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_BASE_KERNEL_RELEASE_H_
