#include "agent/os/pages/page_scanner.h"

#include <fcntl.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/base/status.h"
#include "agent/os/node/frame_nodes.h"
#include "agent/os/node/topology_reader.h"
#include "agent/os/pages/page_finder.h"
#include "agent/os/pages/pagemap.h"
#include "agent/os/pages/scan_pacer.h"
#include "agent/os/pages/scan_ranges.h"

namespace numalocality {
namespace {

// The smallest size of hugetlb pages; 0 if there are none.
uint64_t ReadHugetlbBytes(const Host& host) {
  const auto entries = ListDirectory(AT_FDCWD, host.thp + "/../hugepages");
  uint64_t smallest = 0;
  if (!entries.ok()) return smallest;
  for (const DirectoryEntry& entry : *entries) {
    absl::string_view name = entry.name;
    uint64_t kilobytes = 0;
    if (absl::ConsumePrefix(&name, "hugepages-") && absl::ConsumeSuffix(&name, "kB") &&
        absl::SimpleAtoi(name, &kilobytes) && (smallest == 0 || kilobytes * 1024 < smallest)) {
      smallest = kilobytes * 1024;
    }
  }
  return smallest;
}

// Joins adjacent pages with the same properties.
void MakeSpans(absl::Span<const FoundPage> found, uint64_t page_bytes,
               std::vector<PageSpan>& spans) {
  spans.clear();
  uint64_t end = 0;  // of the last span
  uint32_t range_index = 0;
  for (const FoundPage& page : found) {
    if (!spans.empty() && page.address == end && page.range_index == range_index &&
        spans.back().node == page.node && spans.back().kind == page.kind &&
        spans.back().is_huge == page.is_huge) {
      spans.back().pages += page.pages;
    } else {
      spans.push_back({page.address, page.pages, page.node, page.kind, page.is_huge});
    }
    end = page.address + static_cast<uint64_t>(page.pages) * page_bytes;
    range_index = page.range_index;
  }
}

// The number of entries of `found` that make up one window; 0 if `found` is empty.
size_t CountForWindow(absl::Span<const FoundPage> found) {
  int64_t pages = 0;
  size_t count = 0;
  while (count < found.size() && pages < PageScanner::kMostWindowPages) {
    pages += found[count++].pages;
  }
  return count;
}

// Without permission to read pagemap, a scan uses queries only.
absl::StatusOr<std::optional<Pagemap>> OpenPagemap(KernelCalls& kernel,
                                                   const ProcessHandle& process,
                                                   int64_t page_bytes) {
  auto pagemap = Pagemap::Open(kernel, process, page_bytes);
  if (pagemap.ok()) return *std::move(pagemap);
  if (absl::IsPermissionDenied(pagemap.status())) return std::nullopt;
  return pagemap.status();
}

// Fills `found` with the pages of the next window, or of several windows if they are huge. Sparse
// memory takes several steps; their number is limited so that the visitor is called regularly.
absl::Status FindWindow(PageFinder& finder, std::vector<FoundPage>& found) {
  constexpr int kMostSteps = 64;
  constexpr int64_t kEnough = PageScanner::kWindowPages * 3 / 4;
  found.clear();
  int64_t pages = 0;
  size_t counted = 0;
  for (int step = 0; step < kMostSteps && pages < kEnough && !finder.done(); ++step) {
    NL_RETURN_IF_ERROR(finder.Step(PageScanner::kWindowPages - pages, found));
    for (; counted < found.size(); ++counted) pages += found[counted].pages;
  }
  return absl::OkStatus();
}

}  // namespace

ScanMethod PageScanner::MethodFor(const ProcessHandle& process) const {
  if (!process.OpenPagemap().ok()) return ScanMethod::kQuery;
  return FrameNodes(kernel_, host_, page_bytes_).AreKnown() ? ScanMethod::kFrames
                                                            : ScanMethod::kPresence;
}

bool PageScanner::ReportsHugePages(const ProcessHandle& process) const {
  const auto pagemap = Pagemap::Open(kernel_, process, page_bytes_);
  return pagemap.ok() && pagemap->can_find();
}

absl::Status PageScanner::Scan(const ProcessHandle& process, absl::Span<const Mapping> mappings,
                               absl::Span<const AddressRange> ranges, KindSet kinds,
                               WindowVisitor visit, const ExpectedNodes& expected) const {
  NL_ASSIGN_OR_RETURN(std::optional<Pagemap> pagemap, OpenPagemap(kernel_, process, page_bytes_));
  const auto page_bytes = static_cast<uint64_t>(page_bytes_);
  const auto huge_bytes = static_cast<uint64_t>(TopologyReader(host_).ReadHugePageBytes());
  ScanPacer pacer(clock_);
  FrameNodes frames(kernel_, host_, page_bytes_);
  PageFinder finder(std::move(pagemap), frames, ScanRangesOf(mappings, ranges, kinds, page_bytes_),
                    kinds, {page_bytes, huge_bytes, ReadHugetlbBytes(host_)}, pacer);
  PageNodes nodes(kernel_, process, page_bytes,
                  finder.leaves_out_zero_pages() ? expected : ExpectedNodes{}, pacer);
  auto gone = absl::NotFoundError(
      absl::StrCat("process ", process.pid(), ": exited while it was being read"));
  std::vector<FoundPage> found;
  std::vector<PageSpan> spans;
  while (!finder.done()) {
    NL_RETURN_IF_ERROR(FindWindow(finder, found));
    NL_RETURN_IF_ERROR(nodes.Resolve(found));
    NL_RETURN_IF_ERROR(finder.DropAbsent(found));
    if (process.Fate() != ProcessFate::kRunning) return gone;
    absl::Span<const FoundPage> rest = found;
    do {
      const size_t count = CountForWindow(rest);
      MakeSpans(rest.first(count), page_bytes, spans);
      if (!visit(spans)) return absl::OkStatus();
      rest.remove_prefix(count);
    } while (!rest.empty());
  }
  // The maps and the pagemap of a process that has exited read as empty, without an error.
  return process.Fate() == ProcessFate::kRunning ? absl::OkStatus() : gone;
}

}  // namespace numalocality
