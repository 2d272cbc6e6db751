// The first half of a scan: which pages are present.
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

// Base pages that are present together: one, (a part of) one that the kernel keeps as a whole, or
// some that are known to be on one node.
struct FoundPage {
  uint64_t address = 0;  // of the first
  int32_t pages = 1;
  NodeId node;           // -1: the kernel must be asked
  uint32_t segment = 0;  // index
  MemoryKind kind = MemoryKind::kAnon;
  bool is_huge = false;  // a whole transparent huge page
};

// In bytes.
struct FinderSizes {
  uint64_t page = 4096;
  uint64_t huge = 0;     // of a transparent huge page; 0 if there are none
  uint64_t hugetlb = 0;  // the smallest of hugetlb pages; 0 if there are none
};

// Goes through `segments` once, in steps. Reads huge pages and holes at a glance by PAGEMAP_SCAN
// where the kernel has it; but where frames tell the node and memory is dense with base pages,
// their pagemap entries are all it takes.
class PageFinder {
 public:
  // `pagemap`: nullopt if it may not be read; then all that is mapped counts as found. `frames` and
  // `pacer` outlive this.
  PageFinder(std::optional<Pagemap> pagemap, FrameNodes& frames, std::vector<ScanRange> segments,
             KindSet kinds, const FinderSizes& sizes, ScanPacer& pacer);

  bool done() const { return segment_ == segments_.size(); }

  // Whether the pages of zeros are known not to be among what is found, but for huge ones.
  bool leaves_out_zero_pages() const { return pagemap_.has_value() && pagemap_->can_find(); }

  // Takes the next step, and adds what it finds to `found`, in address order: at most `most_pages`
  // base pages, and 1 GiB in huge ones.
  absl::Status Step(int64_t most_pages, std::vector<FoundPage>& found);

  // Drops those pages on kHiddenNode that are not known to be there. An anonymous one is if this
  // process alone maps it: else it may be the page of zeros.
  absl::Status DropAbsent(std::vector<FoundPage>& found);

 private:
  // A part of a segment whose pages are to be looked at one by one.
  struct Stretch {
    AddressRange range;
    uint32_t segment;
  };

  // A step by PAGEMAP_SCAN.
  absl::Status Search(int64_t most_pages, std::vector<FoundPage>& found);
  uint64_t EndOfSearch() const;
  // Cuts `present` to `most_pages` base pages and to whole huge pages.
  void Cut(PresentRegions& present, int64_t most_pages) const;
  // Huge pages go to `found`, the rest to stretches_.
  void AddRegion(const PagemapRegion& region, std::vector<FoundPage>& found);
  void AddHuge(AddressRange range, uint32_t segment, std::vector<FoundPage>& found) const;

  // A step without: the next pages of the segments go to stretches_. Returns how many.
  uint64_t TakeStretches(int64_t most_pages);

  // Adds what is present in stretches_, by its pagemap entries if there is more to know. Stops at a
  // huge page that Search had better look at.
  absl::Status ReadEntries(std::vector<FoundPage>& found);
  bool NeedsEntries(const Stretch& stretch);
  void AddAll(const Stretch& stretch, std::vector<FoundPage>& found) const;
  // Returns false, with the cursor there, if it stopped.
  bool AddEntries(const Stretch& stretch, absl::Span<const PagemapEntry> entries,
                  std::vector<FoundPage>& found);
  // Whether the frames of `block` are those of (a part of) one huge page at `address`.
  bool LieInARow(absl::Span<const PagemapEntry> block, uint64_t address) const;
  bool IsMemory(const FoundPage& page, PagemapEntry entry) const;
  // nullopt: not wanted.
  std::optional<MemoryKind> KindOf(PagemapEntry entry, uint32_t segment) const;
  void AddPresent(absl::Span<const PagemapEntry> entries, uint64_t address, uint32_t segment,
                  std::vector<FoundPage>& found);
  void MoveTo(uint64_t address);

  std::optional<Pagemap> pagemap_;
  FrameNodes& frames_;
  const std::vector<ScanRange> segments_;
  const KindSet kinds_;
  const FinderSizes sizes_;
  ScanPacer& pacer_;

  size_t segment_ = 0;   // the current one
  uint64_t cursor_ = 0;  // within it
  bool dense_ = false;   // base pages side by side, when last looked
  bool all_huge_ = false;
  bool is_searched_ = false;  // stretches_ hold no more than FindPresent found, none of it huge
  std::vector<Stretch> stretches_;
  std::vector<PagemapEntry> entries_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PAGES_PAGE_FINDER_H_
