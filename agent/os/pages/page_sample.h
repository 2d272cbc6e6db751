// Where a process's memory is, from a few thousand of its pages: costs the same for any size. For
// reports and explanations; what moves pages or verifies that asks page_scanner.
#ifndef NUMALOCALITY_AGENT_OS_PAGES_PAGE_SAMPLE_H_
#define NUMALOCALITY_AGENT_OS_PAGES_PAGE_SAMPLE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/base/clock.h"
#include "agent/model/page_span.h"
#include "agent/model/placement.h"
#include "agent/model/topology.h"
#include "agent/os/base/host.h"
#include "agent/os/base/kernel_calls.h"
#include "agent/os/process/process_handle.h"

namespace numalocality {

// Shares of memory are within 1.6 percentage points of the truth, 19 times of 20.
inline constexpr size_t kSamplePages = 4096;

// Pages to look at in each of so many processes of a workload, so that all of them together cost no
// more than 0.1 s: kSamplePages, and fewer if there are more than 16; never less than 256, which
// give shares within 6 points.
size_t SamplePagesOfEach(size_t process_count);

// Resident anonymous and shmem pages of one process.
struct PageSample {
  std::vector<PageSpan> runs;  // what was looked at: single pages, or all there are
  int64_t sampled_pages = 0;   // in `runs`
  int64_t resident_pages = 0;  // that the process has of these kinds; estimated unless complete
  bool is_complete = false;    // `runs` are all there are

  // Bytes per node and kind, scaled up to all resident pages; without those on kHiddenNode.
  MemoryByNode EstimateMemory(int64_t page_bytes) const;
};

// Looks at about `max_pages` (> 0) resident pages of `process`, at most 16 times as many addresses.
// They are spread evenly over what it has mapped, by size: one at a haphazard place in each of
// equal parts, so that no pattern of the process's own falls in step with them. Where less than one
// address in 4 has a page, what is present is found by PAGEMAP_SCAN first; before Linux 6.7, and of
// processes with more than 256 times `max_pages` pages, samples of such memory may be small.
//
// All of the process's pages are looked at if it has no more than `max_pages`, unless that would
// mean to look through more address space than 1 TiB (with PAGEMAP_SCAN), 16 GiB (with pagemap) or
// 16 times `max_pages` pages (without): reservations that are mostly empty.
//
// What samples miss unless complete: anonymous copies in private mappings of files (a program's
// initialised data), and pages that Linux 6.1 to 6.5 does not tell (kHiddenNode). Shared pages
// count in every process that maps them.
//
// NOT_FOUND if the process is gone, PERMISSION_DENIED if the kernel refuses. Thread-safe.
absl::StatusOr<PageSample> SamplePages(KernelCalls& kernel, const Clock& clock,
                                       const ProcessHandle& process, const Host& host,
                                       const Topology& topology, size_t max_pages = kSamplePages);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PAGES_PAGE_SAMPLE_H_
