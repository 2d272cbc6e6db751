// The seam to the kernel for all that is not a file: tests put a fake with the kernel's real
// partial semantics behind it.
#ifndef NUMALOCALITY_AGENT_OS_BASE_KERNEL_CALLS_H_
#define NUMALOCALITY_AGENT_OS_BASE_KERNEL_CALLS_H_

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "agent/model/id_set.h"
#include "agent/model/ids.h"
#include "agent/os/base/file.h"

namespace numalocality {

// Status that the kernel leaves behind in entries it did not get to: callers fill `status` with it
// before a call. No node id and no -errno has this value.
inline constexpr int kStatusUnwritten = INT32_MIN;

// Which pages a moving call may take.
enum class MoveFlag {
  kExclusive,  // MPOL_MF_MOVE: pages mapped by this process only
  kShared,     // MPOL_MF_MOVE_ALL: shared ones as well; needs CAP_SYS_NICE
};

// One answer of PAGEMAP_SCAN: struct page_region of linux/fs.h, which Debian 12 does not know yet.
struct PagemapRegion {
  uint64_t start = 0;
  uint64_t end = 0;
  uint64_t categories = 0;
};

// Categories of PAGEMAP_SCAN.
inline constexpr uint64_t kPageIsPresent = 1 << 3;
inline constexpr uint64_t kPageIsSwapped = 1 << 4;
inline constexpr uint64_t kPageIsZero = 1 << 5;  // the zero page: PAGE_IS_PFNZERO
inline constexpr uint64_t kPageIsHuge = 1 << 6;

// The arguments of the ioctl PAGEMAP_SCAN that matter here (Linux 6.7,
// Documentation/admin-guide/mm/pagemap.rst).
struct PagemapQuery {
  AddressRange range;     // whole pages
  uint64_t any_of = 0;    // categories of which a page must have one
  uint64_t reported = 0;  // categories to tell apart
  int64_t max_pages = 0;  // stop after so many matching pages; 0: no limit
};

// CPUs as bits, as many words as the kernel has CPUs for.
using CpuMask = std::vector<uint64_t>;
CpuSet ToCpuSet(const CpuMask& mask);

// A process kept still; it runs again when this is destroyed, or when the thread that made it
// ends, however that ends. Destroy on the thread that made it.
class ProcessHold {
 public:
  virtual ~ProcessHold() = default;
};

// Thread-safe.
class KernelCalls {
 public:
  virtual ~KernelCalls() = default;

  // move_pages(2). `nodes` empty: query only. Returns what the system
  // call returns, or -errno. Sizes of `addresses`, `status` and a non-empty `nodes` are equal.
  //
  // What the kernel really does (mm/migrate.c): status of a whole run of equal targets stays
  // unwritten when one of its pages fails; a positive return counts those pages and all that were
  // not tried; errors are not atomic, earlier pages may have moved. PID 0 means the caller itself
  // and is refused with -EINVAL here.
  virtual int MovePages(pid_t pid, absl::Span<const uint64_t> addresses,
                        absl::Span<const int> nodes, absl::Span<int> status,
                        MoveFlag flag = MoveFlag::kExclusive) = 0;

  // PAGEMAP_SCAN on an open /proc/PID/pagemap. Returns the number of `regions` filled in, or
  // -errno; -ENOTTY before Linux 6.7. `walk_end`: where the kernel stopped. The kernel leaves it
  // stale when it answers in several rounds (every 512 regions): unless all of `regions` are
  // filled or `max_pages` reached, the walk has gone to the end.
  virtual int ScanPagemap(int pagemap_fd, const PagemapQuery& query,
                          absl::Span<PagemapRegion> regions, uint64_t& walk_end) = 0;

  // The frame of the page of zeros, which memory that was only ever read is mapped to: pagemap
  // calls it present. PERMISSION_DENIED if frame numbers are hidden (CAP_SYS_ADMIN).
  virtual absl::StatusOr<uint64_t> ZeroFrame() = 0;

  // Equal if two processes share one address space (kcmp(2), KCMP_VM), else in an order that holds
  // among all processes. UNIMPLEMENTED on kernels built without it, NOT_FOUND if one has exited,
  // PERMISSION_DENIED without the right to trace both.
  virtual absl::StatusOr<std::strong_ordering> CompareMemory(pid_t a, pid_t b) = 0;

  // Confines thread `tid` to `cpus` (sched_setaffinity(2)). NOT_FOUND if it has ended.
  virtual absl::Status SetThreadCpus(pid_t tid, const CpuSet& cpus) = 0;

  // Stops all threads of a process by ptrace(2). FAILED_PRECONDITION if it is traced already, is
  // the caller itself, or has more than `max_threads` threads; DEADLINE_EXCEEDED if a thread does
  // not stop within `timeout` (it waits for a device); NOT_FOUND if it is gone;
  // PERMISSION_DENIED.
  virtual absl::StatusOr<std::unique_ptr<ProcessHold>> HoldProcess(pid_t pid, int max_threads,
                                                                   absl::Duration timeout) = 0;

  // A descriptor that polls readable once the process has exited. NOT_FOUND if there is none.
  virtual absl::StatusOr<ScopedFd> OpenPidFd(pid_t pid) = 0;

  // CPUs that thread `tid` may run on: its affinity within its cpuset. One system call.
  virtual absl::StatusOr<CpuSet> ThreadCpus(pid_t tid) = 0;

  // The same as bits, CPU 0 the lowest of the first word, into `mask`, whose memory is used again:
  // for those who ask about many threads.
  virtual absl::Status ThreadCpuMask(pid_t tid, CpuMask& mask);
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_BASE_KERNEL_CALLS_H_
