// --range: which part of a process's memory, as a size or as addresses; and its address ranges.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_MEMORY_PART_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_MEMORY_PART_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/model/ids.h"
#include "agent/model/placement.h"
#include "agent/os/pages/page_scanner.h"
#include "agent/os/process/process_handle.h"

namespace numalocality::numa_migrate {

// The value of --range: `first_bytes` if set, else `range`.
struct MemoryPart {
  AddressRange range = kWholeAddressSpace;
  // This many bytes of resident memory, from the mappings with most resident bytes first.
  std::optional<int64_t> first_bytes;
};

// Parses "512M", "7f0000000000-7f0000200000", or "all".
absl::StatusOr<MemoryPart> ParseMemoryPart(absl::string_view text);

// A mapping and the number of its resident pages.
struct MappingPages {
  AddressRange range;
  int64_t pages = 0;
};

// Every mapping of `process` with its resident pages of `kinds`, in address order. Errors as
// ScanUntilSignal.
absl::StatusOr<std::vector<MappingPages>> CountResident(const ProcessHandle& process,
                                                        const PageScanner& scanner, KindSet kinds);

// `pages` resident pages of `mappings`, from those with most resident pages first; equal ones in
// address order.
struct LargestMappings {
  std::vector<AddressRange> whole;
  std::optional<MappingPages> front;  // the first `pages` resident pages of this mapping
};
LargestMappings TakeLargest(std::vector<MappingPages> mappings, int64_t pages);

// The addresses of `part` in `process`: disjoint, in address order, on page boundaries. Counts
// pages of `kinds`. Errors as ScanUntilSignal.
absl::StatusOr<std::vector<AddressRange>> FindPart(const MemoryPart& part,
                                                   const ProcessHandle& process,
                                                   const PageScanner& scanner, KindSet kinds,
                                                   int64_t page_bytes);

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_MEMORY_PART_H_
