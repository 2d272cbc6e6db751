// Which processes share one address space: by clone(2) with CLONE_VM, or by vfork(2) until the
// child executes a program (kcmp(2)).
#ifndef NUMALOCALITY_AGENT_OS_PROCESS_SAME_MEMORY_H_
#define NUMALOCALITY_AGENT_OS_PROCESS_SAME_MEMORY_H_

#include <sys/types.h>

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "agent/os/base/host.h"
#include "agent/os/base/kernel_calls.h"
#include "agent/os/base/read_budget.h"

namespace numalocality {

// Groups `pids` by address space. Groups are in the order of their first members, members in the
// order of `pids`. A process that the kernel cannot compare is a group of its own: one that has
// exited or may not be traced, and every process on kernels built without kcmp(2). Makes
// O(n log n) system calls. RESOURCE_EXHAUSTED beyond the budget, CANCELLED as it says.
absl::StatusOr<std::vector<std::vector<pid_t>>> GroupBySameMemory(KernelCalls& kernel,
                                                                  const Host& host,
                                                                  absl::Span<const pid_t> pids,
                                                                  ReadBudget& budget);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PROCESS_SAME_MEMORY_H_
