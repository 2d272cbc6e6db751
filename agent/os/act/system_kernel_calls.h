// The machine's own kernel behind KernelCalls: the only file that makes these system calls.
#ifndef NUMALOCALITY_AGENT_OS_ACT_SYSTEM_KERNEL_CALLS_H_
#define NUMALOCALITY_AGENT_OS_ACT_SYSTEM_KERNEL_CALLS_H_

#include "agent/os/base/kernel_calls.h"

namespace numalocality {

// Lives as long as the program. Thread-safe.
KernelCalls& SystemKernelCalls();

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_ACT_SYSTEM_KERNEL_CALLS_H_
