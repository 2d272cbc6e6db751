#include "agent/os/pages/pagemap.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"

namespace numalocality {
namespace {

// Enough for 16 MiB of which every other page is present.
constexpr size_t kRegionsPerCall = 2048;

}  // namespace

absl::StatusOr<Pagemap> Pagemap::Open(KernelCalls& kernel, const ProcessHandle& process,
                                      int64_t page_bytes) {
  NL_ASSIGN_OR_RETURN(ScopedFd fd, process.OpenPagemap());
  Pagemap pagemap(kernel, std::move(fd), process.pid(), page_bytes);
  PagemapRegion region;
  uint64_t walk_end = 0;
  const AddressRange first_page{0, static_cast<uint64_t>(page_bytes)};
  pagemap.can_find_ =
      kernel.ScanPagemap(pagemap.fd_.get(), {first_page, kPageIsPresent, kPageIsPresent, 1},
                         absl::MakeSpan(&region, 1), walk_end) >= 0;
  return pagemap;
}

absl::Status Pagemap::Read(AddressRange range, std::vector<PagemapEntry>& entries) const {
  const auto page_bytes = static_cast<uint64_t>(page_bytes_);
  entries.resize(range.size() / page_bytes);
  const ssize_t got = pread(fd_.get(), entries.data(), entries.size() * sizeof(PagemapEntry),
                            static_cast<off_t>(range.start / page_bytes * sizeof(PagemapEntry)));
  if (got < 0) return ErrnoStatus(errno, absl::StrCat("read pagemap of process ", pid_));
  entries.resize(static_cast<size_t>(got) / sizeof(PagemapEntry));
  return absl::OkStatus();
}

absl::StatusOr<PresentRegions> Pagemap::FindPresent(AddressRange range, int64_t max_pages) {
  regions_.resize(kRegionsPerCall);
  uint64_t walk_end = 0;
  const int count = kernel_.ScanPagemap(
      fd_.get(), {range, kPageIsPresent, kPageIsPresent | kPageIsHuge | kPageIsZero, max_pages},
      absl::MakeSpan(regions_), walk_end);
  if (count < 0) return ErrnoStatus(-count, absl::StrCat("PAGEMAP_SCAN of process ", pid_));
  PresentRegions found{absl::MakeSpan(regions_).first(static_cast<size_t>(count)), range.end};
  int64_t pages = 0;
  for (const PagemapRegion& region : found.regions) {
    pages += static_cast<int64_t>(region.end - region.start) / page_bytes_;
  }
  // Only in these cases has the kernel stopped early; otherwise walk_end may be an old value (see
  // KernelCalls::ScanPagemap).
  if (found.regions.size() == kRegionsPerCall || pages >= max_pages) {
    found.end = std::max(walk_end, found.regions.back().end);
  }
  return found;
}

bool Pagemap::IsHuge(uint64_t address) const {
  PagemapRegion region;
  uint64_t walk_end = 0;
  const AddressRange page{address, address + static_cast<uint64_t>(page_bytes_)};
  return kernel_.ScanPagemap(fd_.get(), {page, kPageIsPresent, kPageIsHuge, 1},
                             absl::MakeSpan(&region, 1), walk_end) == 1 &&
         (region.categories & kPageIsHuge) != 0;
}

}  // namespace numalocality
