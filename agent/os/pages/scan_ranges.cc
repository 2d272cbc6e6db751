#include "agent/os/pages/scan_ranges.h"

#include <algorithm>
#include <optional>

namespace numalocality {
namespace {

// nullopt if the mapping is not to be touched.
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

// `ranges` widened to whole pages, in order, merged where they overlap.
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
  std::vector<ScanRange> segments;
  const std::vector<AddressRange> whole = WholePages(ranges, static_cast<uint64_t>(page_bytes));
  auto first = whole.begin();
  for (const Mapping& mapping : mappings) {
    // Both are in address order: ranges before this mapping are before all further ones, too.
    while (first != whole.end() && first->end <= mapping.range.start) ++first;
    const auto kind = KindOf(mapping.backing);
    if (!kind.has_value()) continue;
    const bool may_hold_copies = mapping.MayHoldCopies();
    if (!kinds.Contains(*kind) && !(may_hold_copies && kinds.Contains(MemoryKind::kAnon))) continue;
    for (auto range = first; range != whole.end() && range->start < mapping.range.end; ++range) {
      segments.push_back(
          {{std::max(mapping.range.start, range->start), std::min(mapping.range.end, range->end)},
           *kind,
           may_hold_copies});
    }
  }
  return segments;
}

}  // namespace numalocality
