// The text of /proc/PID/numa_maps (Documentation/filesystems/proc.rst). Pure. Reading the file
// holds the process's mmap lock for some 10 ms a GiB of each mapping: the agent reads no more than
// its first line (see memory_policy.h).
#ifndef NUMALOCALITY_AGENT_OS_PROCESS_PARSE_NUMA_MAPS_H_
#define NUMALOCALITY_AGENT_OS_PROCESS_PARSE_NUMA_MAPS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/model/id_set.h"
#include "agent/model/ids.h"

namespace numalocality {

// One mapping; the file tells where it starts and not where it ends.
struct NumaMapping {
  uint64_t start = 0;
  std::string policy;                  // "default", "bind", "prefer", "interleave", "local", ...
  NodeSet policy_nodes;                // of those that name nodes
  std::map<NodeId, int64_t> bytes_on;  // resident, nodes without any left out
};

// In address order. INVALID_ARGUMENT if a line is not in the format.
absl::StatusOr<std::vector<NumaMapping>> ParseNumaMaps(absl::string_view text);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PROCESS_PARSE_NUMA_MAPS_H_
