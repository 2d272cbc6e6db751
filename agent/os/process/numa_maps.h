// /proc/PID/numa_maps: the memory policy and the pages per node of each mapping
// (Documentation/filesystems/proc.rst). Reading a mapping's line holds the process's mmap lock for
// about 10 ms per GiB. The agent therefore reads only the first line, and only if the first mapping
// is small; numa-migrate reads the whole file if asked to and if no mapping is large.
#ifndef NUMALOCALITY_AGENT_OS_PROCESS_NUMA_MAPS_H_
#define NUMALOCALITY_AGENT_OS_PROCESS_NUMA_MAPS_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/model/id_set.h"
#include "agent/model/ids.h"
#include "agent/os/base/host.h"
#include "agent/os/base/read_budget.h"
#include "agent/os/process/process_handle.h"

namespace numalocality {

// One mapping. The file has its start address, not its end.
struct NumaMapping {
  uint64_t start = 0;
  std::string policy;                  // "default", "bind", "prefer", "interleave", "local", ...
  NodeSet policy_nodes;                // the nodes of the policy; empty if it has none
  std::map<NodeId, int64_t> bytes_on;  // resident bytes; only nodes that have some
};

// Parses the text of numa_maps. Mappings are in address order. INVALID_ARGUMENT if a line has
// another format. Pure.
absl::StatusOr<std::vector<NumaMapping>> ParseNumaMaps(absl::string_view text);

// Visits the mappings of process `pid` in address order. Keeps neither the text nor long paths, so
// it needs the same memory for any size. RESOURCE_EXHAUSTED beyond the budget, NOT_FOUND if the
// process has exited, PERMISSION_DENIED.
absl::Status VisitNumaMaps(const Host& host, pid_t pid, ReadBudget& budget,
                           absl::FunctionRef<void(const NumaMapping&)> visit);

// The largest first mapping that ReadPolicyNodes lets the kernel walk: 0.2 ms at 10 ms per GiB. The
// first mapping is usually the beginning of the program's file.
inline constexpr uint64_t kMostWalkedBytes = uint64_t{16} << 20;

// The nodes of the process's memory policy (set_mempolicy(2), numactl); empty if it has no policy
// or one without nodes. Reads only the first line of numa_maps, which shows the process's policy
// unless the first mapping has its own (mbind(2)). The other mappings are not walked, and their
// policies are not seen. FAILED_PRECONDITION if the first mapping is larger than kMostWalkedBytes,
// NOT_FOUND if the process has exited, PERMISSION_DENIED, RESOURCE_EXHAUSTED beyond the budget.
absl::StatusOr<NodeSet> ReadPolicyNodes(const Host& host, const ProcessHandle& process,
                                        ReadBudget& budget);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PROCESS_NUMA_MAPS_H_
