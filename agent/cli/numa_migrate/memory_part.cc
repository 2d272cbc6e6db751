#include "agent/cli/numa_migrate/memory_part.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/base/units.h"
#include "agent/cli/arguments.h"
#include "agent/cli/numa_migrate/subject.h"

namespace numalocality::numa_migrate {
namespace {

// The front of `mapping` that holds its first `pages` resident pages.
absl::StatusOr<AddressRange> FindFront(const MappingPages& front, const ProcessHandle& process,
                                       const PageScanner& scanner, KindSet kinds,
                                       uint64_t page_bytes) {
  AddressRange range = front.range;
  int64_t left = front.pages;
  const AddressRange ranges[] = {front.range};
  const auto take = [&](absl::Span<const PageSpan> spans) {
    for (const PageSpan& span : spans) {
      range.end = span.address + static_cast<uint64_t>(std::min(left, span.pages)) * page_bytes;
      left -= std::min(left, span.pages);
      if (left == 0) return false;
    }
    return true;
  };
  NL_RETURN_IF_ERROR(ScanUntilSignal(scanner, process, ranges, kinds, take));
  return range;
}

}  // namespace

absl::StatusOr<MemoryPart> ParseMemoryPart(absl::string_view text) {
  MemoryPart part;
  if (text == "all") return part;
  if (absl::StrContains(text, "-")) {
    NL_ASSIGN_OR_RETURN(part.range, ParseAddressRange(text));
    return part;
  }
  NL_ASSIGN_OR_RETURN(part.first_bytes, ParseBytes(text));
  if (*part.first_bytes == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "': write a size above 0, such as 512M"));
  }
  return part;
}

absl::StatusOr<std::vector<MappingPages>> CountResident(const ProcessHandle& process,
                                                        const PageScanner& scanner, KindSet kinds) {
  NL_ASSIGN_OR_RETURN(const std::vector<Mapping> maps, process.ReadMaps());
  std::vector<MappingPages> counts;
  counts.reserve(maps.size());
  for (const Mapping& mapping : maps) counts.push_back({mapping.range, 0});
  auto mapping = counts.begin();
  const auto count = [&](absl::Span<const PageSpan> spans) {
    // Both are in address order. Pages of mappings that are newer than `maps` are skipped.
    for (const PageSpan& span : spans) {
      while (mapping != counts.end() && mapping->range.end <= span.address) ++mapping;
      if (mapping == counts.end()) return false;
      if (mapping->range.start <= span.address) mapping->pages += span.pages;
    }
    return true;
  };
  const AddressRange everything[] = {kWholeAddressSpace};
  NL_RETURN_IF_ERROR(ScanUntilSignal(scanner, process, everything, kinds, count));
  return counts;
}

LargestMappings TakeLargest(std::vector<MappingPages> mappings, int64_t pages) {
  std::stable_sort(mappings.begin(), mappings.end(),
                   [](const auto& a, const auto& b) { return a.pages > b.pages; });
  LargestMappings taken;
  for (const MappingPages& mapping : mappings) {
    if (pages == 0 || mapping.pages == 0) break;
    if (mapping.pages > pages) {
      taken.front = {mapping.range, pages};
      break;
    }
    taken.whole.push_back(mapping.range);
    pages -= mapping.pages;
  }
  return taken;
}

absl::StatusOr<std::vector<AddressRange>> FindPart(const MemoryPart& part,
                                                   const ProcessHandle& process,
                                                   const PageScanner& scanner, KindSet kinds,
                                                   int64_t page_bytes) {
  const auto page = static_cast<uint64_t>(page_bytes);
  if (!part.first_bytes.has_value()) {
    const uint64_t last = (part.range.end - 1) / page;
    return std::vector{AddressRange{part.range.start / page * page, (last + 1) * page}};
  }
  NL_ASSIGN_OR_RETURN(std::vector<MappingPages> mappings, CountResident(process, scanner, kinds));
  const int64_t pages = (*part.first_bytes - 1) / page_bytes + 1;
  LargestMappings largest = TakeLargest(std::move(mappings), pages);
  std::vector<AddressRange> ranges = std::move(largest.whole);
  if (largest.front.has_value()) {
    NL_ASSIGN_OR_RETURN(const AddressRange front,
                        FindFront(*largest.front, process, scanner, kinds, page));
    ranges.push_back(front);
  }
  std::sort(ranges.begin(), ranges.end());
  // Nothing is resident. A migration of all memory then finds no page either.
  if (ranges.empty()) ranges.push_back(kWholeAddressSpace);
  return ranges;
}

}  // namespace numalocality::numa_migrate
