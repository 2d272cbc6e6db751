// Finds every resident page of a process and the node it is on. Never reads smaps or numa_maps,
// which hold the process's mmap lock for whole mappings; pauses between short reads instead.
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

// Receives the resident pages of one window in address order, in runs as long as can be, maybe
// none; returns false to end the scan.
using WindowVisitor = absl::FunctionRef<bool(absl::Span<const PageSpan>)>;

// Stateless and thread-safe.
class PageScanner {
 public:
  // A window holds at most so many pages that are not huge, and ends with the one that makes it
  // kMostWindowPages in all; it may span mappings and holes. No huge page straddles two.
  static constexpr int64_t kWindowPages = 4096;
  static constexpr int64_t kMostWindowPages = 16384;  // base pages

  PageScanner(KernelCalls& kernel, const Clock& clock, const Host& host, int64_t page_bytes)
      : kernel_(kernel), clock_(clock), host_(host), page_bytes_(page_bytes) {}

  // How `process` would be scanned, by what this process may do now.
  ScanMethod MethodFor(const ProcessHandle& process) const;

  // Whether scans of `process` set PageSpan::is_huge for every transparent huge page that is mapped
  // as one. If not, the mover finds out by trying.
  bool ReportsHugePages(const ProcessHandle& process) const;

  // Visits the resident pages of `kinds` in `ranges` (widened to whole pages, each
  // page once), window by window; memory use does not grow with the process's pages. Pages that are
  // swapped out, never touched, or the page of zeros are not resident; resident ones may be on
  // kHiddenNode. Without access to pagemap
  // (CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH) every address is queried, and anonymous copies in
  // private mappings of objects count as pages of those, and hidden pages are not found. NOT_FOUND
  // if the process is gone or its PID names another, PERMISSION_DENIED if the kernel refuses.
  //
  // `expected` spares most queries of ScanMethod::kPresence (from Linux 6.7 on; ignored before and
  // by other methods). The price: pages elsewhere that no sample hits pass for being where the
  // others are. What is exact or nothing, such as a verification, goes without.
  absl::Status Scan(const ProcessHandle& process, absl::Span<const AddressRange> ranges,
                    KindSet kinds, WindowVisitor visit, const ExpectedNodes& expected = {}) const;

  // The same by `mappings` that were read from the process before: for many scans of small ranges.
  absl::Status Scan(const ProcessHandle& process, absl::Span<const Mapping> mappings,
                    absl::Span<const AddressRange> ranges, KindSet kinds, WindowVisitor visit,
                    const ExpectedNodes& expected) const;

 private:
  KernelCalls& kernel_;
  const Clock& clock_;
  const Host host_;
  const int64_t page_bytes_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PAGES_PAGE_SCANNER_H_
