#include "agent/os/base/process_limits.h"

#include <sys/resource.h>

#include <cerrno>

#include "agent/base/status.h"

namespace numalocality {

absl::Status RaiseOpenFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return ErrnoStatus(errno, "limit of open files");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return ErrnoStatus(errno, "limit of open files");
  return absl::OkStatus();
}

}  // namespace numalocality
