#include "agent/os/ptrace_hold.h"

#include "absl/status/status.h"

namespace numalocality {

absl::StatusOr<std::unique_ptr<ProcessHold>> PtraceHold(pid_t, int, absl::Duration) {
  return absl::UnimplementedError("hold");
}

}  // namespace numalocality
