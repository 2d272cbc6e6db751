#include "tests/unit/fake/fake_pagemap.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/numbers.h"

namespace numalocality {
namespace {

// Regions that the kernel collects before it writes them to the caller.
constexpr size_t kRound = 512;

uint64_t CategoriesOf(const FakeFolio& folio) {
  uint64_t categories = folio.swapped ? kPageIsSwapped : kPageIsPresent;
  if (folio.pages > 1) categories |= kPageIsHuge;
  if (folio.zero_page) categories |= kPageIsZero;
  return categories;
}

}  // namespace

pid_t ProcessOf(int fd) {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), error);
  pid_t pid = -1;
  return absl::SimpleAtoi(path.parent_path().filename().string(), &pid) ? pid : -1;
}

int FakeScan(const FakeProcess& process, const PagemapQuery& query,
             absl::Span<PagemapRegion> regions, uint64_t& walk_end) {
  size_t written = 0;
  int64_t pages = 0;
  uint64_t stopped = 0;
  for (uint64_t at = query.range.start; true; at = stopped) {
    const size_t first = written;
    const size_t most = std::min(regions.size(), first + kRound);
    bool is_full = false;
    for (auto page = process.pages.lower_bound(at);
         page != process.pages.end() && page->first < query.range.end; ++page) {
      const uint64_t categories = CategoriesOf(*page->second);
      if ((categories & query.any_of) == 0) continue;
      PagemapRegion* last = written > first ? &regions[written - 1] : nullptr;
      const bool joins = last != nullptr && last->end == page->first &&
                         last->categories == (categories & query.reported);
      is_full = (query.max_pages != 0 && pages == query.max_pages) || (!joins && written == most);
      if (is_full) {
        stopped = page->first;
        break;
      }
      if (joins) {
        last->end += kFakePage;
      } else {
        regions[written++] = {page->first, page->first + kFakePage, categories & query.reported};
      }
      ++pages;
    }
    if (!is_full || written == regions.size() || pages == query.max_pages) break;
  }
  walk_end = stopped != 0 ? stopped : query.range.end;
  return static_cast<int>(written);
}

}  // namespace numalocality
