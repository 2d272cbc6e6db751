// Finds every resident page of a process and the node it is on: presence from /proc/PID/pagemap
// (Documentation/admin-guide/mm/pagemap.rst), nodes by move_pages(2) queries. Never reads smaps or
// numa_maps, which hold the process's mmap lock for whole mappings.
#ifndef NUMALOCALITY_AGENT_OS_PAGE_SCANNER_H_
#define NUMALOCALITY_AGENT_OS_PAGE_SCANNER_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "agent/base/clock.h"
#include "agent/model/ids.h"
#include "agent/model/page_run.h"
#include "agent/model/placement.h"
#include "agent/os/host_paths.h"
#include "agent/os/kernel_calls.h"
#include "agent/os/process_handle.h"

namespace numalocality {

// Receives the resident pages of one window in address order, in runs as long as can be, maybe
// none; returns false to end the scan.
using WindowVisitor = absl::FunctionRef<bool(absl::Span<const PageRun>)>;

// Stateless and thread-safe.
class PageScanner {
 public:
  // Windows end at multiples of this, so that a huge page never straddles two.
  static constexpr int64_t kWindowBytes = int64_t{16} << 20;

  PageScanner(KernelCalls& kernel, const Clock& clock, const HostPaths& paths, int64_t page_bytes)
      : kernel_(kernel), clock_(clock), paths_(paths), page_bytes_(page_bytes) {}

  // How `process` would be scanned, by what this process may do now.
  ScanMethod MethodFor(const ProcessHandle& process) const;

  // Whether scans of `process` set PageRun::is_huge for every transparent huge page. If not, the
  // mover finds out by trying.
  bool TellsHugePages(const ProcessHandle& process) const;

  // Visits the resident pages of `kinds` in `ranges` (widened to whole pages, each
  // page once), window by window; memory use does not grow with the process. Pages that are swapped
  // out, never touched, or the zero page are not resident. Without access to pagemap
  // (CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH) every address is queried, and anonymous copies in
  // private file mappings count as kFile. NOT_FOUND if the process is gone or its PID names
  // another, PERMISSION_DENIED if the kernel refuses.
  absl::Status Scan(const ProcessHandle& process, absl::Span<const AddressRange> ranges,
                    KindSet kinds, WindowVisitor visit) const;

 private:
  KernelCalls& kernel_;
  const Clock& clock_;
  const HostPaths paths_;
  const int64_t page_bytes_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PAGE_SCANNER_H_
