// /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst): an entry a page, and since Linux
// 6.7 the ioctl PAGEMAP_SCAN, which passes over holes and huge pages at once.
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

// An entry for one page.
struct PagemapEntry {
  uint64_t bits = 0;

  bool is_present() const { return (bits >> 63 & 1) != 0; }
  // A page of a file or of shared memory; other pages are anonymous.
  bool is_of_object() const { return (bits >> 61 & 1) != 0; }
  // Mapped by this process only; never so of pages of zeros.
  bool is_exclusive() const { return (bits >> 56 & 1) != 0; }
  // 0 for who lacks CAP_SYS_ADMIN.
  uint64_t frame() const { return bits & ((uint64_t{1} << 55) - 1); }
};
static_assert(sizeof(PagemapEntry) == sizeof(uint64_t));

// What a search found, valid until the next one.
struct PresentRegions {
  absl::Span<PagemapRegion> regions;  // in order of address
  uint64_t end = 0;                   // where to go on
};

// The pagemap of one process. Not thread-safe.
class Pagemap {
 public:
  // Needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH for processes of others. `kernel` outlives it.
  static absl::StatusOr<Pagemap> Open(KernelCalls& kernel, const ProcessHandle& process,
                                      int64_t page_bytes);

  // Whether FindPresent works.
  bool can_find() const { return can_find_; }

  // The entries of `range`, which is whole pages; fewer when the process is exiting.
  absl::Status Read(AddressRange range, std::vector<PagemapEntry>& entries) const;

  // What is present in `range`, with kPageIsHuge and kPageIsZero told apart; at most `max_pages`
  // pages, so that the search may end early. Linux 6.12 takes the huge page of zeros for an
  // ordinary one.
  absl::StatusOr<PresentRegions> FindPresent(AddressRange range, int64_t max_pages);

  // Whether the page at `address` is present as part of a huge page. Needs can_find.
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
