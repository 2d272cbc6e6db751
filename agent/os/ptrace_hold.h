// A process kept still by ptrace(2): the one way whose effect the kernel itself ends when the
// holder dies.
#ifndef NUMALOCALITY_AGENT_OS_PTRACE_HOLD_H_
#define NUMALOCALITY_AGENT_OS_PTRACE_HOLD_H_

#include <sys/types.h>

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/os/kernel_calls.h"

namespace numalocality {

// Contract: KernelCalls::HoldProcess.
absl::StatusOr<std::unique_ptr<ProcessHold>> PtraceHold(pid_t pid, int max_threads,
                                                        absl::Duration timeout);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PTRACE_HOLD_H_
