// Texts of /sys/devices/system/node (Documentation/ABI/stable/sysfs-devices-node) and of
// /proc/zoneinfo. Pure.
#ifndef NUMALOCALITY_AGENT_OS_NODE_PARSE_NODE_H_
#define NUMALOCALITY_AGENT_OS_NODE_PARSE_NODE_H_

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/model/ids.h"

namespace numalocality {

struct NodeMemory {
  int64_t total_bytes = 0;
  int64_t free_bytes = 0;
};

// node*/meminfo. INVALID_ARGUMENT if MemTotal or MemFree is missing or no number of kB.
absl::StatusOr<NodeMemory> ParseNodeMeminfo(absl::string_view text);

// node*/distance: one number per online node, in the order of their ids.
absl::StatusOr<std::vector<int>> ParseDistances(absl::string_view text);

// /proc/zoneinfo: pages by node that the kernel keeps free by reclaiming, the sum of the high
// watermarks of its zones. INVALID_ARGUMENT if a line with one is no number.
absl::StatusOr<std::map<NodeId, int64_t>> ParseHighWatermarks(absl::string_view text);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_NODE_PARSE_NODE_H_
