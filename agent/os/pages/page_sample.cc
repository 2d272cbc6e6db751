#include "agent/os/pages/page_sample.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/os/pages/page_finder.h"
#include "agent/os/pages/page_nodes.h"
#include "agent/os/pages/page_scanner.h"
#include "agent/os/pages/pagemap.h"
#include "agent/os/pages/scan_pacer.h"
#include "agent/os/pages/scan_ranges.h"

namespace numalocality {
namespace {

// The most addresses to query for each page of the sample. An address without a page takes the
// kernel 0.1 µs, so a sample of 4096 pages takes at most 10 ms.
constexpr int64_t kMostAddressesPerPage = 16;
// The most address space to search for pages: empty address space takes 16 ms per TiB with
// PAGEMAP_SCAN, and 7 ms per 16 GiB with pagemap.
constexpr int64_t kMostScannedBytes = int64_t{1} << 40;
constexpr int64_t kMostReadBytes = int64_t{16} << 30;
// Memory is sparse if less than one address in kSparse has a page. Then all present pages are
// searched, at 12 ns each: at most kMostFoundPerPage for each page of the sample.
constexpr int64_t kSparse = 4;
constexpr int64_t kMostFoundPerPage = 256;
// The limits of one call of PAGEMAP_SCAN, which thus holds the process's mmap lock for at most 0.1
// ms.
constexpr uint64_t kSearchedAtOnce = uint64_t{1} << 30;
constexpr int64_t kFoundAtOnce = 8192;
// The most regions that all calls together may find; they take 4 MiB.
constexpr size_t kMostRegions = 1 << 17;

int64_t CountPages(absl::Span<const ScanRange> ranges, uint64_t page_bytes) {
  uint64_t bytes = 0;
  for (const ScanRange& range : ranges) bytes += range.range.size();
  return static_cast<int64_t>(bytes / page_bytes);
}

// A pseudo-random number from 0 to 1: the fractional part of a multiple of the golden ratio.
double Scatter(int64_t index) {
  constexpr uint64_t kGoldenRatio = 0x9e3779b97f4a7c15;  // 2^64 divided by it
  return static_cast<double>(static_cast<uint64_t>(index) * kGoldenRatio >> 11) * 0x1p-53;
}

// Selects one page in each of `count` equal parts of `ranges`; different pages for each `round`.
std::vector<FoundPage> Spread(absl::Span<const ScanRange> ranges, int64_t count, int64_t round,
                              uint64_t page_bytes) {
  const auto mapped_pages = CountPages(ranges, page_bytes);
  const double part = static_cast<double>(mapped_pages) / static_cast<double>(count);
  std::vector<FoundPage> pages;
  pages.reserve(static_cast<size_t>(count));
  size_t index = 0;
  int64_t before = 0;  // pages in the ranges before ranges[index]
  for (int64_t i = 0; i < count; ++i) {
    const double place = (static_cast<double>(i) + Scatter(i + round * count)) * part;
    const int64_t page = std::min(static_cast<int64_t>(place), mapped_pages - 1);
    while (true) {
      const auto in_it = static_cast<int64_t>(ranges[index].range.size() / page_bytes);
      if (page < before + in_it) break;
      before += in_it;
      ++index;
    }
    const ScanRange& hit = ranges[index];
    pages.push_back({hit.range.start + static_cast<uint64_t>(page - before) * page_bytes, 1,
                     NodeId{}, static_cast<uint32_t>(index), hit.kind, false});
  }
  return pages;
}

// Takes one sample.
class Sampler {
 public:
  Sampler(KernelCalls& kernel, const Clock& clock, const ProcessHandle& process, const Host& host,
          int64_t page_bytes, int64_t max_pages, ReadBudget& budget)
      : kernel_(kernel),
        clock_(clock),
        process_(process),
        host_(host),
        page_bytes_(page_bytes),
        max_pages_(max_pages),
        budget_(budget) {}

  absl::StatusOr<PageSample> Take() {
    NL_ASSIGN_OR_RETURN(mappings_, process_.ReadMaps(budget_));
    ranges_ = ScanRangesOf(mappings_, {kWholeAddressSpace}, kPrivateKinds, page_bytes_);
    const int64_t searched_pages = CountPages(ranges_, static_cast<uint64_t>(page_bytes_));
    // Without pagemap entries, anonymous copies in the mapping of a file look like pages of the
    // file.
    std::erase_if(ranges_, [](const ScanRange& range) { return range.kind == MemoryKind::kFile; });
    mapped_pages_ = CountPages(ranges_, static_cast<uint64_t>(page_bytes_));
    if (mapped_pages_ > max_pages_) NL_RETURN_IF_ERROR(Query(max_pages_));
    // The estimate may be wrong by half. If it is more than twice the limit, there are too many
    // pages.
    if (EstimateResident() <= 2 * max_pages_ && searched_pages <= MostSearchedPages()) {
      NL_ASSIGN_OR_RETURN(std::optional<PageSample> all, TakeAll());
      if (all.has_value()) return *std::move(all);
    }
    if (IsSparse()) NL_RETURN_IF_ERROR(NarrowDown());
    if (const int64_t more = CountMore(); more > 0) NL_RETURN_IF_ERROR(Query(more));
    if (process_.Fate() != ProcessFate::kRunning) {
      return absl::NotFoundError(
          absl::StrCat("process ", process_.pid(), ": exited while it was being read"));
    }
    sample_.sampled_pages = static_cast<int64_t>(sample_.spans.size());
    sample_.resident_pages = EstimateResident();
    return std::move(sample_);
  }

 private:
  // Queries `count` pages, one in each part.
  absl::Status Query(int64_t count) {
    const auto page_bytes = static_cast<uint64_t>(page_bytes_);
    std::vector<FoundPage> pages = Spread(ranges_, count, rounds_++, page_bytes);
    queried_pages_ += count;
    ScanPacer pacer(clock_);
    NL_RETURN_IF_ERROR(PageNodes(kernel_, process_, page_bytes, {}, pacer).Resolve(pages));
    for (const FoundPage& page : pages) {
      if (page.node == kHiddenNode) continue;  // mostly there is no page
      sample_.spans.push_back({page.address, 1, page.node, page.kind, false});
    }
    return absl::OkStatus();
  }

  // Whether searching all present pages takes less time than querying addresses without pages.
  bool IsSparse() const {
    const auto found = static_cast<int64_t>(sample_.spans.size());
    return found * kSparse < queried_pages_ &&
           EstimateResident() <= kMostFoundPerPage * max_pages_ &&
           mapped_pages_ <= kMostScannedBytes / page_bytes_;
  }

  // Takes the sample again from the present pages only, if the kernel has PAGEMAP_SCAN.
  absl::Status NarrowDown() {
    auto pagemap = Pagemap::Open(kernel_, process_, page_bytes_);
    if (!pagemap.ok() || !pagemap->can_find()) return absl::OkStatus();
    ScanPacer pacer(clock_);
    std::vector<ScanRange> present;
    for (const ScanRange& range : ranges_) {
      NL_RETURN_IF_ERROR(budget_.Take("pagemap", 0));
      for (uint64_t at = range.range.start; at < range.range.end;) {
        const uint64_t end = std::min(range.range.end, at + kSearchedAtOnce);
        NL_ASSIGN_OR_RETURN(const PresentRegions found,
                            pagemap->FindPresent({at, end}, kFoundAtOnce));
        pacer.AfterRead();
        for (const PagemapRegion& region : found.regions) {
          if ((region.categories & kPageIsZero) != 0) continue;
          present.push_back({{region.start, region.end}, range.kind, false});
        }
        if (present.size() > kMostRegions) return absl::OkStatus();
        at = found.end;
      }
    }
    ranges_ = std::move(present);
    mapped_pages_ = CountPages(ranges_, static_cast<uint64_t>(page_bytes_));
    queried_pages_ = 0;
    sample_.spans.clear();
    return mapped_pages_ == 0 ? absl::OkStatus() : Query(std::min(max_pages_, mapped_pages_));
  }

  int64_t EstimateResident() const {
    if (queried_pages_ == 0) return 0;
    return std::llround(static_cast<double>(sample_.spans.size()) *
                        static_cast<double>(mapped_pages_) / static_cast<double>(queried_pages_));
  }

  // The number of addresses that should complete the sample. Slightly fewer, so that the sample
  // does not exceed its size by chance.
  int64_t CountMore() const {
    const auto found = static_cast<int64_t>(sample_.spans.size());
    const int64_t most =
        std::min(kMostAddressesPerPage * max_pages_ - queried_pages_, mapped_pages_);
    const int64_t missing = (max_pages_ - found) * 9 / 10;
    if (missing < max_pages_ / 4 || most <= 0 || queried_pages_ == mapped_pages_) return 0;
    return found == 0 ? most : std::min(most, missing * queried_pages_ / found);
  }

  int64_t MostSearchedPages() const {
    const auto pagemap = Pagemap::Open(kernel_, process_, page_bytes_);
    if (!pagemap.ok()) return kMostAddressesPerPage * max_pages_;
    return (pagemap->can_find() ? kMostScannedBytes : kMostReadBytes) / page_bytes_;
  }

  // nullopt if there are more than `max_pages_`.
  absl::StatusOr<std::optional<PageSample>> TakeAll() const {
    PageSample all;
    all.is_complete = true;
    NL_RETURN_IF_ERROR(PageScanner(kernel_, clock_, host_, page_bytes_)
                           .Scan(process_, mappings_, {kWholeAddressSpace}, kPrivateKinds,
                                 [&](absl::Span<const PageSpan> spans) {
                                   for (const PageSpan& span : spans)
                                     all.sampled_pages += span.pages;
                                   all.spans.insert(all.spans.end(), spans.begin(), spans.end());
                                   return all.sampled_pages <= max_pages_;
                                 },
                                 {}));
    if (all.sampled_pages > max_pages_) return std::nullopt;
    all.resident_pages = all.sampled_pages;
    return all;
  }

  KernelCalls& kernel_;
  const Clock& clock_;
  const ProcessHandle& process_;
  const Host& host_;
  const int64_t page_bytes_;
  const int64_t max_pages_;
  ReadBudget& budget_;
  std::vector<Mapping> mappings_;
  std::vector<ScanRange> ranges_;  // the memory to sample
  int64_t mapped_pages_ = 0;       // pages in ranges_
  int64_t queried_pages_ = 0;      // so far
  int64_t rounds_ = 0;
  PageSample sample_;
};

}  // namespace

size_t SamplePagesOfEach(size_t process_count) {
  return std::clamp(16 * kSamplePages / std::max<size_t>(process_count, 1), size_t{256},
                    kSamplePages);
}

MemoryByNode PageSample::EstimateMemory(int64_t page_bytes) const {
  MemoryByNode sampled;
  for (const PageSpan& span : spans) {
    if (span.node != kHiddenNode) sampled.Add(span.node, span.kind, span.pages * page_bytes);
  }
  if (is_complete || sampled_pages == 0) return sampled;
  const double scale = static_cast<double>(resident_pages) / static_cast<double>(sampled_pages);
  for (auto& [node, kinds] : sampled.nodes) {
    for (int64_t& bytes : kinds.by_kind) bytes = std::llround(static_cast<double>(bytes) * scale);
  }
  return sampled;
}

absl::StatusOr<PageSample> SamplePages(KernelCalls& kernel, const Clock& clock,
                                       const ProcessHandle& process, const Host& host,
                                       const Topology& topology, size_t max_pages) {
  ReadBudget budget(kRequestLimits, clock);
  return SamplePages(kernel, clock, process, host, topology, max_pages, budget);
}

absl::StatusOr<PageSample> SamplePages(KernelCalls& kernel, const Clock& clock,
                                       const ProcessHandle& process, const Host& host,
                                       const Topology& topology, size_t max_pages,
                                       ReadBudget& budget) {
  return Sampler(kernel, clock, process, host, topology.page_bytes, static_cast<int64_t>(max_pages),
                 budget)
      .Take();
}

}  // namespace numalocality
