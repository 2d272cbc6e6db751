#include "agent/os/pages/page_finder.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "agent/base/status.h"
#include "agent/model/page_span.h"

namespace numalocality {
namespace {

// The most address space per search, so that empty page tables do not hold the process's mmap lock
// for long. A hole of this size costs one system call.
constexpr uint64_t kMostSearched = uint64_t{1} << 30;
// The most bytes of huge pages per search: they take almost no time to find.
constexpr uint64_t kMostHugeBytes = uint64_t{1} << 30;
// Gaps up to this size are read together with their neighbours: one read is cheaper than two. They
// may be memory of unwanted kinds.
constexpr uint64_t kSmallGapPages = 128;
constexpr uint64_t kMostReadPages = 4096;

uint64_t RoundUp(uint64_t value, uint64_t unit) { return (value / unit + 1) * unit; }

}  // namespace

PageFinder::PageFinder(std::optional<Pagemap> pagemap, FrameNodes& frames,
                       std::vector<ScanRange> ranges, KindSet kinds, const FinderSizes& sizes,
                       ScanPacer& pacer)
    : pagemap_(std::move(pagemap)),
      frames_(frames),
      ranges_(std::move(ranges)),
      kinds_(kinds),
      sizes_(sizes),
      pacer_(pacer) {
  MoveTo(0);
}

void PageFinder::MoveTo(uint64_t address) {
  while (!done() && ranges_[current_].range.end <= address) ++current_;
  if (!done()) cursor_ = std::max(address, ranges_[current_].range.start);
}

absl::Status PageFinder::Step(int64_t most_pages, std::vector<FoundPage>& found) {
  if (!pagemap_.has_value()) {
    TakeStretches(most_pages);
    for (const Stretch& stretch : stretches_) AddAll(stretch, found);
    return absl::OkStatus();
  }
  if (pagemap_->can_find() && !dense_) return Search(most_pages, found);
  const size_t before = found.size();
  is_searched_ = false;
  uint64_t left = TakeStretches(most_pages);
  NL_RETURN_IF_ERROR(ReadEntries(found));
  const uint64_t half = left / 2;
  for (size_t i = before; i < found.size(); ++i) left -= static_cast<uint64_t>(found[i].pages);
  if (left > half) dense_ = false;
  return absl::OkStatus();
}

absl::Status PageFinder::DropAbsent(std::vector<FoundPage>& found) {
  const auto is_hidden = [](const FoundPage& page) { return page.node == kHiddenNode; };
  if (!pagemap_.has_value()) {
    std::erase_if(found, is_hidden);
    return absl::OkStatus();
  }
  auto first = std::find_if(found.begin(), found.end(), is_hidden);
  while (first != found.end()) {
    // The pages before `last` are close enough for one read.
    const uint64_t start = first->address;
    const auto last = std::find_if(first, found.end(), [&](const FoundPage& page) {
      return page.address - start >= kMostReadPages * sizes_.page;
    });
    NL_RETURN_IF_ERROR(pagemap_->Read({start, std::prev(last)->address + sizes_.page}, entries_));
    pacer_.AfterRead();
    for (; first != last; ++first) {
      const size_t offset = (first->address - start) / sizes_.page;
      if (!is_hidden(*first)) continue;
      if (offset >= entries_.size() || !IsMemory(*first, entries_[offset])) first->node = NodeId{};
    }
    first = std::find_if(first, found.end(), is_hidden);
  }
  std::erase_if(found, [](const FoundPage& page) { return page.node == NodeId{}; });
  return absl::OkStatus();
}

bool PageFinder::IsMemory(const FoundPage& page, PagemapEntry entry) const {
  const bool may_be_zeros = ranges_[page.range_index].kind == MemoryKind::kAnon;
  return entry.is_present() && (entry.is_exclusive() || !may_be_zeros);
}

absl::Status PageFinder::Search(int64_t most_pages, std::vector<FoundPage>& found) {
  const uint64_t start = cursor_;
  const auto before = static_cast<std::ptrdiff_t>(found.size());
  const uint64_t huge_bytes_wanted = std::max(sizes_.huge, all_huge_ ? kMostHugeBytes : 0);
  NL_ASSIGN_OR_RETURN(
      PresentRegions present,
      pagemap_->FindPresent(
          {start, EndOfSearch()},
          std::max(most_pages, static_cast<int64_t>(huge_bytes_wanted / sizes_.page))));
  pacer_.AfterRead();
  Cut(present, most_pages);
  stretches_.clear();
  uint64_t base_bytes = 0;
  uint64_t huge_bytes = 0;
  for (const PagemapRegion& region : present.regions) {
    const bool is_huge = (region.categories & kPageIsHuge) != 0;
    (is_huge ? huge_bytes : base_bytes) += region.end - region.start;
    if ((region.categories & kPageIsZero) == 0) AddRegion(region, found);
  }
  MoveTo(present.end);
  all_huge_ = huge_bytes > 0 && base_bytes == 0;
  is_searched_ = true;
  const auto base = static_cast<std::ptrdiff_t>(found.size());
  NL_RETURN_IF_ERROR(ReadEntries(found));
  std::inplace_merge(found.begin() + before, found.begin() + base, found.end(),
                     [](const FoundPage& a, const FoundPage& b) { return a.address < b.address; });
  dense_ = huge_bytes == 0 && base_bytes * 2 >= present.end - start && frames_.AreKnown();
  return absl::OkStatus();
}

uint64_t PageFinder::EndOfSearch() const {
  uint64_t end = ranges_[current_].range.end;
  for (size_t i = current_ + 1; i < ranges_.size() && end - cursor_ < kMostSearched; ++i) {
    if (ranges_[i].range.start - end > kSmallGapPages * sizes_.page) break;
    end = ranges_[i].range.end;
  }
  return std::min(end, cursor_ + kMostSearched);
}

void PageFinder::Cut(PresentRegions& present, int64_t most_pages) const {
  uint64_t left = static_cast<uint64_t>(most_pages) * sizes_.page;
  for (size_t i = 0; i < present.regions.size(); ++i) {
    PagemapRegion& region = present.regions[i];
    if ((region.categories & kPageIsHuge) != 0) continue;
    if (region.end - region.start > left) {
      present.end = region.end = region.start + left;
      present.regions = present.regions.first(left == 0 ? i : i + 1);
      return;
    }
    left -= region.end - region.start;
  }
  if (present.regions.empty() || sizes_.huge == 0) return;
  // The kernel may stop at `max_pages` in the middle of a huge page.
  PagemapRegion& last = present.regions.back();
  if ((last.categories & kPageIsHuge) == 0 || last.end != present.end) return;
  const uint64_t whole = last.end / sizes_.huge * sizes_.huge;
  if (whole > last.start) {
    present.end = last.end = whole;
  } else if (present.regions.size() > 1) {
    present.end = last.start;
    present.regions.remove_suffix(1);
  }
}

void PageFinder::AddRegion(const PagemapRegion& region, std::vector<FoundPage>& found) {
  // Regions are in address order. One region may span adjacent mappings, also unwanted ones.
  MoveTo(region.start);
  for (size_t i = current_; i < ranges_.size() && ranges_[i].range.start < region.end; ++i) {
    const ScanRange& scan_range = ranges_[i];
    const AddressRange range{std::max(region.start, scan_range.range.start),
                             std::min(region.end, scan_range.range.end)};
    if (range.start >= range.end) continue;
    const auto index = static_cast<uint32_t>(i);
    if ((region.categories & kPageIsHuge) != 0) {
      AddHuge(range, index, found);
    } else {
      stretches_.push_back({range, index});
    }
  }
}

void PageFinder::AddHuge(AddressRange range, uint32_t range_index,
                         std::vector<FoundPage>& found) const {
  // Anonymous copies in the mapping of a file are never huge.
  const MemoryKind kind = ranges_[range_index].kind;
  if (!kinds_.Contains(kind)) return;
  const bool is_hugetlb = kind == MemoryKind::kHugetlb;
  const uint64_t whole = std::max(is_hugetlb ? sizes_.hugetlb : sizes_.huge, sizes_.page);
  for (uint64_t at = range.start; at < range.end;) {
    const uint64_t next = std::min(RoundUp(at, whole), range.end);
    found.push_back({at, static_cast<int32_t>((next - at) / sizes_.page), NodeId{}, range_index,
                     kind, !is_hugetlb && next - at == sizes_.huge});
    at = next;
  }
}

uint64_t PageFinder::TakeStretches(int64_t most_pages) {
  stretches_.clear();
  uint64_t left = static_cast<uint64_t>(most_pages) * sizes_.page;
  uint64_t taken = 0;
  while (!done() && left > 0) {
    uint64_t end = ranges_[current_].range.end;
    if (end - cursor_ > left) {
      end = cursor_ + left;
      // Keeps a possible huge page in one step.
      if (sizes_.huge > 0 && end / sizes_.huge * sizes_.huge > cursor_) {
        end = end / sizes_.huge * sizes_.huge;
      }
      left = end - cursor_;
    }
    stretches_.push_back({{cursor_, end}, static_cast<uint32_t>(current_)});
    left -= end - cursor_;
    taken += end - cursor_;
    MoveTo(end);
  }
  return taken / sizes_.page;
}

bool PageFinder::NeedsEntries(const Stretch& stretch) {
  return !is_searched_ || ranges_[stretch.range_index].may_hold_copies || frames_.AreKnown();
}

absl::Status PageFinder::ReadEntries(std::vector<FoundPage>& found) {
  for (size_t i = 0; i < stretches_.size();) {
    if (!NeedsEntries(stretches_[i])) {
      AddAll(stretches_[i++], found);
      continue;
    }
    const uint64_t start = stretches_[i].range.start;
    size_t last = i;
    while (last + 1 < stretches_.size() && NeedsEntries(stretches_[last + 1]) &&
           stretches_[last + 1].range.start - stretches_[last].range.end <=
               kSmallGapPages * sizes_.page &&
           stretches_[last + 1].range.end - start <= kMostReadPages * sizes_.page) {
      ++last;
    }
    NL_RETURN_IF_ERROR(pagemap_->Read({start, stretches_[last].range.end}, entries_));
    pacer_.AfterRead();
    const absl::Span<const PagemapEntry> entries = entries_;
    for (; i <= last; ++i) {
      const AddressRange& range = stretches_[i].range;
      const size_t offset = (range.start - start) / sizes_.page;
      // An exiting process may return fewer entries.
      if (offset >= entries.size()) continue;
      if (!AddEntries(stretches_[i], entries.subspan(offset, range.size() / sizes_.page), found)) {
        return absl::OkStatus();
      }
    }
  }
  return absl::OkStatus();
}

void PageFinder::AddAll(const Stretch& stretch, std::vector<FoundPage>& found) const {
  const MemoryKind kind = ranges_[stretch.range_index].kind;
  if (!kinds_.Contains(kind)) return;
  // Allocates once for all pages.
  size_t next = found.size();
  found.resize(next + stretch.range.size() / sizes_.page);
  for (uint64_t at = stretch.range.start; at < stretch.range.end; at += sizes_.page) {
    found[next++] = {at, 1, NodeId{}, stretch.range_index, kind, false};
  }
}

bool PageFinder::AddEntries(const Stretch& stretch, absl::Span<const PagemapEntry> entries,
                            std::vector<FoundPage>& found) {
  // Frames of base pages may be consecutive by chance, so the kernel must be asked.
  const bool may_be_huge = !is_searched_ && sizes_.huge > 0 && frames_.AreKnown();
  uint64_t at = stretch.range.start;
  while (!entries.empty()) {
    const uint64_t next = may_be_huge ? RoundUp(at, sizes_.huge) : stretch.range.end;
    const auto block = entries.first(std::min<size_t>((next - at) / sizes_.page, entries.size()));
    if (!may_be_huge || !AreConsecutive(block, at) ||
        (!pagemap_->can_find() && block.front().is_exclusive())) {
      AddPresent(block, at, stretch.range_index, found);
    } else if (!pagemap_->can_find()) {
      // This may be the huge zero page.
      const auto kind = KindOf(block.front(), stretch.range_index);
      const auto pages = static_cast<int32_t>(block.size());
      if (kind.has_value())
        found.push_back({at, pages, NodeId{}, stretch.range_index, *kind, false});
    } else if (pagemap_->IsHuge(at)) {
      dense_ = false;
      current_ = stretch.range_index;
      cursor_ = at;
      return false;
    } else {
      AddPresent(block, at, stretch.range_index, found);
    }
    entries.remove_prefix(block.size());
    at = next;
  }
  return true;
}

bool PageFinder::AreConsecutive(absl::Span<const PagemapEntry> block, uint64_t address) const {
  const uint64_t first = block.front().frame();
  if ((first - address / sizes_.page) % (sizes_.huge / sizes_.page) != 0) return false;
  for (size_t i = 0; i < block.size(); ++i) {
    if (!block[i].is_present() || block[i].frame() != first + i) return false;
  }
  return true;
}

std::optional<MemoryKind> PageFinder::KindOf(PagemapEntry entry, uint32_t range_index) const {
  const bool is_copy = ranges_[range_index].may_hold_copies && !entry.is_of_object();
  const MemoryKind kind = is_copy ? MemoryKind::kAnon : ranges_[range_index].kind;
  return kinds_.Contains(kind) ? std::optional(kind) : std::nullopt;
}

void PageFinder::AddPresent(absl::Span<const PagemapEntry> entries, uint64_t address,
                            uint32_t range_index, std::vector<FoundPage>& found) {
  const bool know_nodes = frames_.AreKnown();
  uint64_t end = 0;  // of the last entry of `found`, which may be extended
  for (const PagemapEntry& entry : entries) {
    const uint64_t at = address;
    address += sizes_.page;
    if (!entry.is_present() || (know_nodes && frames_.IsZeroPage(entry.frame()))) continue;
    const auto kind = KindOf(entry, range_index);
    if (!kind.has_value()) continue;
    const NodeId node = know_nodes ? frames_.NodeOf(entry.frame()) : NodeId{};
    if (at == end && node != NodeId{} && found.back().node == node && found.back().kind == *kind) {
      ++found.back().pages;
    } else {
      found.push_back({at, 1, node, range_index, *kind, false});
    }
    end = address;
  }
}

}  // namespace numalocality
