// A second opinion on where pages are: /proc/PID/numa_maps against the scan.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_NUMA_MAPS_CHECK_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_NUMA_MAPS_CHECK_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "agent/cli/numa_migrate/subject.h"
#include "agent/model/id_set.h"
#include "agent/model/ids.h"
#include "agent/os/base/host.h"

namespace numalocality::numa_migrate {

// Mappings with more resident memory than this make reading numa_maps a stall that the process
// notices: its own mmap and munmap wait some 10 ms a GiB. All mappings count, whatever they are of
// and whether asked for or not: the kernel walks each when it is asked for any.
inline constexpr int64_t kMostUnnoticedBytes = int64_t{256} << 20;

// Pages of those mappings that lie in the ranges as a whole and hold nothing but the kinds of
// memory that are moved: numa_maps does not tell the pages of one mapping apart.
struct NumaMapsCheck {
  bool skipped = false;       // for its stall; then only the next one is set
  int64_t largest_bytes = 0;  // resident in one mapping, at most
  int64_t pages = 0;
  int64_t pages_on_target = 0;
  int64_t differing_pages = 0;  // on another node than the scan, right before, has them; or missing
  NodeSet policy_nodes = {};    // that memory policies of the process name
};

// Scans, then reads numa_maps. `whatever_the_stall`: never skips. Errors as ScanUntilSignal.
absl::StatusOr<NumaMapsCheck> CheckNumaMaps(const Host& host, const Subject& subject,
                                            absl::Span<const AddressRange> ranges,
                                            const NodeSet& targets, bool whatever_the_stall);

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_NUMA_MAPS_CHECK_H_
