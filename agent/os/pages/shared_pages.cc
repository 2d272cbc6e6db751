#include "agent/os/pages/shared_pages.h"

#include <cstdint>

namespace numalocality {

SharedAndOwn SeparateShared(const Pagemap& pagemap, int64_t page_bytes, int64_t pages_per_huge,
                            absl::Span<const PageSpan> spans,
                            absl::FunctionRef<bool(const PageSpan&)> concerns) {
  SharedAndOwn found;
  std::vector<PagemapEntry> entries;
  for (const PageSpan& span : spans) {
    entries.clear();
    const uint64_t end = span.address + static_cast<uint64_t>(span.pages * page_bytes);
    if (concerns(span) && !pagemap.Read({span.address, end}, entries).ok()) entries.clear();
    const int64_t step = span.is_huge ? pages_per_huge : 1;
    const auto is_shared = [&](int64_t page) {
      const auto index = static_cast<size_t>(page);
      return index < entries.size() && entries[index].is_present() &&
             !entries[index].is_exclusive();
    };
    for (int64_t first = 0; first < span.pages;) {
      const bool shared = is_shared(first);
      int64_t next = first + step;
      while (next < span.pages && is_shared(next) == shared) next += step;
      PageSpan part = span;
      part.address = span.address + static_cast<uint64_t>(first * page_bytes);
      part.pages = next - first;
      (shared ? found.shared : found.own).push_back(part);
      first = next;
    }
  }
  return found;
}

}  // namespace numalocality
