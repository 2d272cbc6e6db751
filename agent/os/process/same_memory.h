// Which processes are one in memory: clone(2) with CLONE_VM, or vfork(2) until the child's exec.
#ifndef NUMALOCALITY_AGENT_OS_PROCESS_SAME_MEMORY_H_
#define NUMALOCALITY_AGENT_OS_PROCESS_SAME_MEMORY_H_

#include <sys/types.h>

#include <vector>

#include "absl/types/span.h"
#include "agent/os/base/host.h"
#include "agent/os/base/kernel_calls.h"

namespace numalocality {

// `pids` by address space: groups in the order of their first members, members in the order of
// `pids`. What the kernel cannot compare stands alone: a process that has exited or may not be
// traced, any process on a kernel built without kcmp(2). Calls of order n log n.
std::vector<std::vector<pid_t>> GroupBySameMemory(KernelCalls& kernel, const Host& host,
                                                  absl::Span<const pid_t> pids);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PROCESS_SAME_MEMORY_H_
