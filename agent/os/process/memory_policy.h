// The memory policy of a process (set_mempolicy(2), numactl), without the stall that numa_maps is.
#ifndef NUMALOCALITY_AGENT_OS_PROCESS_MEMORY_POLICY_H_
#define NUMALOCALITY_AGENT_OS_PROCESS_MEMORY_POLICY_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "agent/model/id_set.h"
#include "agent/os/base/host.h"
#include "agent/os/process/process_handle.h"

namespace numalocality {

// The lowest mapping, mostly the beginning of the program's file, may be so large: at 10 ms a GiB
// the kernel walks it in 0.2 ms.
inline constexpr uint64_t kMostWalkedBytes = uint64_t{16} << 20;

// The nodes that the policy names; none if there is no policy, or one without nodes. It is in the
// first line of numa_maps, as the process's policy is that of every mapping without one of its own.
// Of the file nothing else is read: the mappings above are not walked, and their policies not seen.
// FAILED_PRECONDITION if the lowest mapping is larger than kMostWalkedBytes, NOT_FOUND if the
// process is gone, PERMISSION_DENIED.
absl::StatusOr<NodeSet> ReadPolicyNodes(const Host& host, const ProcessHandle& process);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PROCESS_MEMORY_POLICY_H_
