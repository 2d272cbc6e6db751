// Estimates where a process's memory is from a few thousand of its pages, in the same time for any
// size. For reports and explanations; migration and verification use page_scanner.
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
#include "agent/os/base/read_budget.h"
#include "agent/os/process/process_handle.h"

namespace numalocality {

// With this sample size, shares of memory are within 1.6 percentage points of the true value with
// 95 % probability.
inline constexpr size_t kSamplePages = 4096;

// The sample size for each process of a workload with `process_count` processes, so that all
// samples together take at most 0.1 s: kSamplePages for up to 16 processes, then fewer, but at
// least 256, which gives shares within 6 points.
size_t SamplePagesOfEach(size_t process_count);

// A sample of the resident anonymous and shmem pages of one process.
struct PageSample {
  std::vector<PageSpan> spans;  // the sampled pages, or all pages
  int64_t sampled_pages = 0;    // the pages in `spans`
  int64_t resident_pages = 0;   // of these kinds in the process; an estimate unless complete
  bool is_complete = false;     // `spans` contains all pages

  // The bytes per node and kind, scaled to all resident pages. Omits pages on kHiddenNode.
  MemoryByNode EstimateMemory(int64_t page_bytes) const;
};

// Samples about `max_pages` (> 0) resident pages of `process`, by querying at most 16 times as many
// addresses. Divides the mapped memory into parts of equal size and takes an address at a
// pseudo-random place in each, so that samples do not correlate with a pattern of the process. If
// less than one address in 4 has a page, it first finds the present pages by PAGEMAP_SCAN. Before
// Linux 6.7, and for processes with more than 256 times `max_pages` pages, samples of such sparse
// memory may be small.
//
// If the process has at most `max_pages` pages, the sample contains all of them. Exceptions are
// processes whose mapped address space would take too long to search: more than 1 TiB (with
// PAGEMAP_SCAN), 16 GiB (with pagemap), or 16 times `max_pages` pages (without pagemap). Such
// address space is reserved and mostly empty.
//
// An incomplete sample misses anonymous copies in private mappings of files (a program's
// initialised data), and pages that Linux 6.1 to 6.5 does not report (kHiddenNode). Shared pages
// count in every process that maps them.
//
// NOT_FOUND if the process has exited, PERMISSION_DENIED if the kernel refuses, RESOURCE_EXHAUSTED
// if its mappings exceed the budget (without one, kRequestLimits). Thread-safe.
absl::StatusOr<PageSample> SamplePages(KernelCalls& kernel, const Clock& clock,
                                       const ProcessHandle& process, const Host& host,
                                       const Topology& topology, size_t max_pages = kSamplePages);
absl::StatusOr<PageSample> SamplePages(KernelCalls& kernel, const Clock& clock,
                                       const ProcessHandle& process, const Host& host,
                                       const Topology& topology, size_t max_pages,
                                       ReadBudget& budget);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PAGES_PAGE_SAMPLE_H_
