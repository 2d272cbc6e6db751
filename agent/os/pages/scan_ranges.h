// The parts of an address space that a scan is about. Pure.
#ifndef NUMALOCALITY_AGENT_OS_PAGES_SCAN_RANGES_H_
#define NUMALOCALITY_AGENT_OS_PAGES_SCAN_RANGES_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "agent/model/ids.h"
#include "agent/model/placement.h"
#include "agent/os/process/parse_proc.h"

namespace numalocality {

// A part of one mapping, whole pages.
struct ScanRange {
  AddressRange range;
  MemoryKind kind = MemoryKind::kAnon;  // of pages of the object, or of all where there is none
  bool may_hold_copies = false;         // pages that are anonymous though `kind` is not
};

// Where `mappings` (in address order) and `ranges` (any order, widened to whole pages) meet, each
// page once, in address order; without mappings that cannot hold pages of `kinds`.
std::vector<ScanRange> ScanRangesOf(absl::Span<const Mapping> mappings,
                                    absl::Span<const AddressRange> ranges, KindSet kinds,
                                    int64_t page_bytes);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PAGES_SCAN_RANGES_H_
