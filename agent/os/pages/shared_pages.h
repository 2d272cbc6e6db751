// Separates the pages that several processes map from the others, without a system call that moves
// pages (Documentation/admin-guide/mm/pagemap.rst, bit 56).
#ifndef NUMALOCALITY_AGENT_OS_PAGES_SHARED_PAGES_H_
#define NUMALOCALITY_AGENT_OS_PAGES_SHARED_PAGES_H_

#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "agent/model/page_span.h"
#include "agent/os/pages/pagemap.h"

namespace numalocality {

// The same pages as `spans`, each list in address order. A page that cannot be read, or is gone,
// counts as not shared. Whole huge pages count as their first page.
struct SharedAndOwn {
  std::vector<PageSpan> shared;  // more than one process maps them, or one maps them twice
  std::vector<PageSpan> own;
};

// Reads the entries of spans for which `concerns` returns true; the others count as not shared.
SharedAndOwn SeparateShared(const Pagemap& pagemap, int64_t page_bytes, int64_t pages_per_huge,
                            absl::Span<const PageSpan> spans,
                            absl::FunctionRef<bool(const PageSpan&)> concerns);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PAGES_SHARED_PAGES_H_
