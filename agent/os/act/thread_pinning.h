// Pins all threads of a process to a set of CPUs (sched_setaffinity(2)), so that they stay near
// their memory.
#ifndef NUMALOCALITY_AGENT_OS_ACT_THREAD_PINNING_H_
#define NUMALOCALITY_AGENT_OS_ACT_THREAD_PINNING_H_

#include <sys/types.h>

#include "absl/status/statusor.h"
#include "agent/model/id_set.h"
#include "agent/os/base/host.h"
#include "agent/os/base/kernel_calls.h"

namespace numalocality {

// Pins every thread of process `pid` to `cpus`, including threads that are created meanwhile.
// Threads created later inherit the affinity, and it stays after the caller exits. Threads that are
// pinned to a subset of `cpus` keep it. Returns the number of threads. NOT_FOUND if the process has
// exited; PERMISSION_DENIED (other users' processes need CAP_SYS_NICE); FAILED_PRECONDITION if its
// cpuset allows none of `cpus`; ABORTED if its threads reset their affinity. After an error some
// threads may be pinned.
absl::StatusOr<int> PinThreads(KernelCalls& kernel, const Host& host, pid_t pid,
                               const CpuSet& cpus);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_ACT_THREAD_PINNING_H_
