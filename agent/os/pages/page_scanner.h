// Finds every resident page of a process and its node, by pagemap
// (Documentation/admin-guide/mm/pagemap.rst) and move_pages(2). Never reads smaps or numa_maps,
// which hold the process's mmap lock for whole mappings; makes short reads with pauses instead.
#ifndef NUMALOCALITY_AGENT_OS_PAGES_PAGE_SCANNER_H_
#define NUMALOCALITY_AGENT_OS_PAGES_PAGE_SCANNER_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "agent/base/clock.h"
#include "agent/model/ids.h"
#include "agent/model/page_span.h"
#include "agent/model/placement.h"
#include "agent/os/base/host.h"
#include "agent/os/base/kernel_calls.h"
#include "agent/os/pages/page_nodes.h"
#include "agent/os/process/process_handle.h"

namespace numalocality {

// Receives the resident pages of one window, in address order and in spans of maximal length; may
// be empty. Returns false to end the scan.
using WindowVisitor = absl::FunctionRef<bool(absl::Span<const PageSpan>)>;

// Stateless and thread-safe.
class PageScanner {
 public:
  // A window contains at most kWindowPages pages that are not huge, and ends when it has
  // kMostWindowPages base pages in total. It may span mappings and holes. No huge page is in two
  // windows.
  static constexpr int64_t kWindowPages = 4096;
  static constexpr int64_t kMostWindowPages = 16384;  // base pages

  PageScanner(KernelCalls& kernel, const Clock& clock, const Host& host, int64_t page_bytes)
      : kernel_(kernel), clock_(clock), host_(host), page_bytes_(page_bytes) {}

  // The method by which `process` would be scanned with the current privileges.
  ScanMethod MethodFor(const ProcessHandle& process) const;

  // Whether scans of `process` set PageSpan::is_huge for every transparent huge page that is mapped
  // as such. If not, the mover finds huge pages by trying.
  bool ReportsHugePages(const ProcessHandle& process) const;

  // Visits the resident pages of `kinds` in `ranges` of `mappings`, which were read from the
  // process before (extended to whole pages), each page once, window by window. Memory use does not
  // depend on the size of the process. Pages that are swapped out, were never touched or are the
  // zero page are not resident. Resident pages may be on kHiddenNode. NOT_FOUND if the process has
  // exited or its PID was reused, PERMISSION_DENIED if the kernel refuses.
  //
  // Without access to pagemap (CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH), every address is queried,
  // anonymous copies in private mappings of objects count as pages of the object, and hidden pages
  // are not found.
  //
  // `expected` avoids most queries of ScanMethod::kPresence (since Linux 6.7; ignored before and by
  // other methods). But pages on other nodes that are not sampled are reported on the expected
  // node. Do not pass it where the result must be exact, such as in a verification.
  absl::Status Scan(const ProcessHandle& process, absl::Span<const Mapping> mappings,
                    absl::Span<const AddressRange> ranges, KindSet kinds, WindowVisitor visit,
                    const ExpectedNodes& expected = {}) const;

 private:
  KernelCalls& kernel_;
  const Clock& clock_;
  const Host host_;
  const int64_t page_bytes_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PAGES_PAGE_SCANNER_H_
