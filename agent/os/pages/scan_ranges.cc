#include "agent/os/pages/scan_ranges.h"

#include <algorithm>
#include <optional>

namespace numalocality {
namespace {

// nullopt if the mapping must not be touched.
std::optional<MemoryKind> KindOf(Backing backing) {
  switch (backing) {
    case Backing::kAnonymous:
    case Backing::kHeap:
    case Backing::kStack: return MemoryKind::kAnon;
    case Backing::kShmem: return MemoryKind::kShmem;
    case Backing::kFile: return MemoryKind::kFile;
    case Backing::kHugetlb: return MemoryKind::kHugetlb;
    case Backing::kSpecial: return std::nullopt;
  }
  return std::nullopt;
}

// Extends `ranges` to whole pages, sorts them, and merges those that overlap.
std::vector<AddressRange> WholePages(absl::Span<const AddressRange> ranges, uint64_t page_bytes) {
  std::vector<AddressRange> sorted;
  for (const AddressRange& range : ranges) {
    if (range.start >= range.end) continue;
    sorted.push_back({range.start / page_bytes * page_bytes,
                      (range.end + page_bytes - 1) / page_bytes * page_bytes});
  }
  std::sort(sorted.begin(), sorted.end());
  std::vector<AddressRange> merged;
  for (const AddressRange& range : sorted) {
    if (!merged.empty() && range.start <= merged.back().end) {
      merged.back().end = std::max(merged.back().end, range.end);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

}  // namespace

std::vector<ScanRange> ScanRangesOf(absl::Span<const Mapping> mappings,
                                    absl::Span<const AddressRange> ranges, KindSet kinds,
                                    int64_t page_bytes) {
  std::vector<ScanRange> scan_ranges;
  const std::vector<AddressRange> whole = WholePages(ranges, static_cast<uint64_t>(page_bytes));
  auto first = whole.begin();
  for (const Mapping& mapping : mappings) {
    // Both are in address order, so ranges before this mapping are before all later mappings, too.
    while (first != whole.end() && first->end <= mapping.range.start) ++first;
    const auto kind = KindOf(mapping.backing);
    if (!kind.has_value()) continue;
    const bool may_hold_copies = mapping.MayHoldCopies();
    if (!kinds.Contains(*kind) && !(may_hold_copies && kinds.Contains(MemoryKind::kAnon))) continue;
    for (auto range = first; range != whole.end() && range->start < mapping.range.end; ++range) {
      scan_ranges.push_back(
          {{std::max(mapping.range.start, range->start), std::min(mapping.range.end, range->end)},
           *kind,
           may_hold_copies});
    }
  }
  return scan_ranges;
}

}  // namespace numalocality
