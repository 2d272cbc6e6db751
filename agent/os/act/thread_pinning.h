// Confines all threads of a process to some CPUs (sched_setaffinity(2)), so that they stay beside
// their memory.
#ifndef NUMALOCALITY_AGENT_OS_ACT_THREAD_PINNING_H_
#define NUMALOCALITY_AGENT_OS_ACT_THREAD_PINNING_H_

#include <sys/types.h>

#include "absl/status/statusor.h"
#include "agent/model/id_set.h"
#include "agent/os/base/host.h"
#include "agent/os/base/kernel_calls.h"

namespace numalocality {

// Every thread of process `pid` runs on `cpus` only, threads that appear meanwhile included, and by
// inheritance those that it makes later. Stays so when the caller is gone. Threads that are on
// fewer CPUs already keep those. Returns how many threads there are. NOT_FOUND if the process is
// gone; PERMISSION_DENIED (CAP_SYS_NICE, for other users' processes); FAILED_PRECONDITION if its
// cpuset allows none of `cpus`; ABORTED if its threads undo it. After an error some threads may
// have been confined.
absl::StatusOr<int> PinThreads(KernelCalls& kernel, const Host& host, pid_t pid,
                               const CpuSet& cpus);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_ACT_THREAD_PINNING_H_
