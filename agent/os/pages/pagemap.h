// /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst): one entry for each page, and since
// Linux 6.7 the ioctl PAGEMAP_SCAN, which passes over holes and huge pages at once.
#ifndef NUMALOCALITY_AGENT_OS_PAGES_PAGEMAP_H_
#define NUMALOCALITY_AGENT_OS_PAGES_PAGEMAP_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "agent/model/ids.h"
#include "agent/os/base/file.h"
#include "agent/os/base/kernel_calls.h"
#include "agent/os/process/process_handle.h"

namespace numalocality {

// The entry of one page.
struct PagemapEntry {
  uint64_t bits = 0;

  bool is_present() const { return (bits >> 63 & 1) != 0; }
  // Whether it is a page of a file or of shared memory; other pages are anonymous.
  bool is_of_object() const { return (bits >> 61 & 1) != 0; }
  // Whether only this process maps the page. False for zero pages.
  bool is_exclusive() const { return (bits >> 56 & 1) != 0; }
  // The frame number; 0 for readers without CAP_SYS_ADMIN.
  uint64_t frame() const { return bits & ((uint64_t{1} << 55) - 1); }
};
static_assert(sizeof(PagemapEntry) == sizeof(uint64_t));

// The result of FindPresent, valid until its next call.
struct PresentRegions {
  absl::Span<PagemapRegion> regions;  // in address order
  uint64_t end = 0;                   // where to continue
};

// The pagemap of one process. Not thread-safe.
class Pagemap {
 public:
  // Other users' processes need CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH. `kernel` must outlive this
  // object.
  static absl::StatusOr<Pagemap> Open(KernelCalls& kernel, const ProcessHandle& process,
                                      int64_t page_bytes);

  // Whether the kernel has PAGEMAP_SCAN, which FindPresent and IsHuge need.
  bool can_find() const { return can_find_; }

  // Reads the entries of `range`, which must be whole pages. Returns fewer if the process is
  // exiting.
  absl::Status Read(AddressRange range, std::vector<PagemapEntry>& entries) const;

  // Finds the present pages in `range`, in regions that differ in kPageIsHuge and kPageIsZero.
  // Stops after `max_pages` pages. Linux 6.12 reports the huge zero page as an ordinary huge page.
  absl::StatusOr<PresentRegions> FindPresent(AddressRange range, int64_t max_pages);

  // Whether the page at `address` is present and part of a huge page.
  bool IsHuge(uint64_t address) const;

 private:
  Pagemap(KernelCalls& kernel, ScopedFd fd, pid_t pid, int64_t page_bytes)
      : kernel_(kernel), fd_(std::move(fd)), pid_(pid), page_bytes_(page_bytes) {}

  KernelCalls& kernel_;
  ScopedFd fd_;
  pid_t pid_;
  int64_t page_bytes_;
  bool can_find_ = false;
  std::vector<PagemapRegion> regions_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PAGES_PAGEMAP_H_
