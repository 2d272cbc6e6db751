// The first half of a scan: finds the pages that are present
// (Documentation/admin-guide/mm/pagemap.rst).
#ifndef NUMALOCALITY_AGENT_OS_PAGES_PAGE_FINDER_H_
#define NUMALOCALITY_AGENT_OS_PAGES_PAGE_FINDER_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "agent/model/ids.h"
#include "agent/model/placement.h"
#include "agent/os/node/frame_nodes.h"
#include "agent/os/pages/pagemap.h"
#include "agent/os/pages/scan_pacer.h"
#include "agent/os/pages/scan_ranges.h"

namespace numalocality {

// Consecutive base pages that were found together: a single one, (a part of) a huge page, or
// several that are known to be on the same node.
struct FoundPage {
  uint64_t address = 0;  // of the first base page
  int32_t pages = 1;
  NodeId node;               // -1: not known yet, must be queried
  uint32_t range_index = 0;  // of the scan range
  MemoryKind kind = MemoryKind::kAnon;
  bool is_huge = false;  // a whole transparent huge page
};

// Page sizes in bytes.
struct FinderSizes {
  uint64_t page = 4096;
  uint64_t huge = 0;     // of a transparent huge page; 0 if there are none
  uint64_t hugetlb = 0;  // the smallest of hugetlb pages; 0 if there are none
};

// Goes through the scan ranges once, in steps. Uses PAGEMAP_SCAN if the kernel has it, which passes
// over huge pages and holes at once. But where memory is dense with base pages and frame numbers
// show the node, it reads only pagemap entries.
class PageFinder {
 public:
  // `pagemap`: nullopt if it may not be read; then all mapped pages count as found. `frames` and
  // `pacer` must outlive this object.
  PageFinder(std::optional<Pagemap> pagemap, FrameNodes& frames, std::vector<ScanRange> ranges,
             KindSet kinds, const FinderSizes& sizes, ScanPacer& pacer);

  bool done() const { return current_ == ranges_.size(); }

  // Whether zero pages, except huge ones, are certainly not among the found pages.
  bool leaves_out_zero_pages() const { return pagemap_.has_value() && pagemap_->can_find(); }

  // Takes the next step and appends the pages it finds to `found`, in address order: at most
  // `most_pages` base pages, and at most 1 GiB of huge pages.
  absl::Status Step(int64_t most_pages, std::vector<FoundPage>& found);

  // Removes pages on kHiddenNode that may not exist. An anonymous page exists if only this process
  // maps it; otherwise it may be the zero page.
  absl::Status DropAbsent(std::vector<FoundPage>& found);

 private:
  // A part of a scan range whose pages must be checked one by one.
  struct Stretch {
    AddressRange range;
    uint32_t range_index;
  };

  // Takes a step with PAGEMAP_SCAN.
  absl::Status Search(int64_t most_pages, std::vector<FoundPage>& found);
  uint64_t EndOfSearch() const;
  // Shortens `present` to `most_pages` base pages and to whole huge pages.
  void Cut(PresentRegions& present, int64_t most_pages) const;
  // Adds huge pages to `found` and the rest to stretches_.
  void AddRegion(const PagemapRegion& region, std::vector<FoundPage>& found);
  void AddHuge(AddressRange range, uint32_t range_index, std::vector<FoundPage>& found) const;

  // Takes a step without PAGEMAP_SCAN: adds the next pages of the ranges to stretches_. Returns
  // their number.
  uint64_t TakeStretches(int64_t most_pages);

  // Adds the pages of stretches_ that are present. Reads their pagemap entries if these are needed.
  // Stops at a huge page, which Search handles better.
  absl::Status ReadEntries(std::vector<FoundPage>& found);
  bool NeedsEntries(const Stretch& stretch);
  void AddAll(const Stretch& stretch, std::vector<FoundPage>& found) const;
  // Returns false if it stopped at a huge page, with the cursor there.
  bool AddEntries(const Stretch& stretch, absl::Span<const PagemapEntry> entries,
                  std::vector<FoundPage>& found);
  // Whether the frames of `block` are consecutive, as those of (a part of) a huge page at
  // `address`.
  bool AreConsecutive(absl::Span<const PagemapEntry> block, uint64_t address) const;
  bool IsMemory(const FoundPage& page, PagemapEntry entry) const;
  // nullopt if pages of that kind are not wanted.
  std::optional<MemoryKind> KindOf(PagemapEntry entry, uint32_t range_index) const;
  void AddPresent(absl::Span<const PagemapEntry> entries, uint64_t address, uint32_t range_index,
                  std::vector<FoundPage>& found);
  void MoveTo(uint64_t address);

  std::optional<Pagemap> pagemap_;
  FrameNodes& frames_;
  const std::vector<ScanRange> ranges_;
  const KindSet kinds_;
  const FinderSizes sizes_;
  ScanPacer& pacer_;

  size_t current_ = 0;   // index of the current range
  uint64_t cursor_ = 0;  // within it
  bool dense_ = false;   // the last search found mostly base pages, side by side
  bool all_huge_ = false;
  bool is_searched_ = false;  // stretches_ contains only base pages that FindPresent found
  std::vector<Stretch> stretches_;
  std::vector<PagemapEntry> entries_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PAGES_PAGE_FINDER_H_
