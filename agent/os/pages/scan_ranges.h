// The parts of an address space that a scan covers. Pure.
#ifndef NUMALOCALITY_AGENT_OS_PAGES_SCAN_RANGES_H_
#define NUMALOCALITY_AGENT_OS_PAGES_SCAN_RANGES_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "agent/model/ids.h"
#include "agent/model/placement.h"
#include "agent/os/process/parse_proc.h"

namespace numalocality {

// A part of one mapping, in whole pages.
struct ScanRange {
  AddressRange range;
  MemoryKind kind = MemoryKind::kAnon;  // of the object's pages; of all pages if there is no object
  bool may_hold_copies = false;  // may contain anonymous copies, although `kind` is not kAnon
};

// The intersection of `mappings` (in address order) and `ranges` (in any order, extended to whole
// pages), each page once, in address order. Leaves out mappings that cannot contain pages of
// `kinds`.
std::vector<ScanRange> ScanRangesOf(absl::Span<const Mapping> mappings,
                                    absl::Span<const AddressRange> ranges, KindSet kinds,
                                    int64_t page_bytes);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PAGES_SCAN_RANGES_H_
