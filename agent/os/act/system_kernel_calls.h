// KernelCalls on the real kernel. Only this file, and ptrace_hold for ptrace(2), makes these calls.
#ifndef NUMALOCALITY_AGENT_OS_ACT_SYSTEM_KERNEL_CALLS_H_
#define NUMALOCALITY_AGENT_OS_ACT_SYSTEM_KERNEL_CALLS_H_

#include "agent/os/base/kernel_calls.h"

namespace numalocality {

// Exists until the program exits. Thread-safe.
KernelCalls& SystemKernelCalls();

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_ACT_SYSTEM_KERNEL_CALLS_H_
