// The cross-check of --verify: compares where a scan finds the pages with /proc/PID/numa_maps.
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

// Reading numa_maps stalls mmap and munmap of the process for about 10 ms per GiB of one mapping.
// Above this size of resident memory the process would notice. All mappings count, also those
// outside the requested range, as the kernel walks each mapping.
inline constexpr int64_t kMostUnnoticedBytes = int64_t{256} << 20;

// The result. It counts only mappings that lie completely in the ranges and have only the kinds of
// memory that are moved, as numa_maps has one line for a whole mapping.
struct NumaMapsCheck {
  bool skipped = false;       // not read, as it would stall the process; only largest_bytes is set
  int64_t largest_bytes = 0;  // most resident memory of one mapping
  int64_t pages = 0;
  int64_t pages_on_target = 0;
  int64_t differing_pages = 0;  // missing, or on another node than in the scan right before
  NodeSet policy_nodes = {};    // nodes in the process's memory policies
};

// Scans, then reads numa_maps. With `ignore_stall` it never skips. Errors as ScanUntilSignal.
absl::StatusOr<NumaMapsCheck> CheckNumaMaps(const Host& host, const Subject& subject,
                                            absl::Span<const AddressRange> ranges,
                                            const NodeSet& targets, bool ignore_stall);

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_NUMA_MAPS_CHECK_H_
