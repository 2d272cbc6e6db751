// The system calls that the agent makes on other processes, behind an interface, so that tests can
// replace the kernel by a fake with the same partial results and errors. Files are read through
// file.h instead.
#ifndef NUMALOCALITY_AGENT_OS_BASE_KERNEL_CALLS_H_
#define NUMALOCALITY_AGENT_OS_BASE_KERNEL_CALLS_H_

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "agent/model/id_set.h"
#include "agent/model/ids.h"
#include "agent/os/base/file.h"

namespace numalocality {

// The value that callers write to every entry of `status` before a call of MovePages. Entries that
// still have it afterwards were not written by the kernel. Not a node id, nor a -errno.
inline constexpr int kStatusUnwritten = INT32_MIN;

// Which pages a moving call may move.
enum class MoveFlag {
  kExclusive,  // MPOL_MF_MOVE: only pages that no other process maps
  kShared,     // MPOL_MF_MOVE_ALL: also shared pages; needs CAP_SYS_NICE
};

// A result of PAGEMAP_SCAN: struct page_region of linux/fs.h. Debian 12's headers do not have it.
struct PagemapRegion {
  uint64_t start = 0;
  uint64_t end = 0;
  uint64_t categories = 0;
};

// Page categories of PAGEMAP_SCAN.
inline constexpr uint64_t kPageIsPresent = 1 << 3;
inline constexpr uint64_t kPageIsSwapped = 1 << 4;
inline constexpr uint64_t kPageIsZero = 1 << 5;  // the zero page: PAGE_IS_PFNZERO
inline constexpr uint64_t kPageIsHuge = 1 << 6;

// The arguments of the ioctl PAGEMAP_SCAN that the agent uses (since Linux 6.7,
// Documentation/admin-guide/mm/pagemap.rst).
struct PagemapQuery {
  AddressRange range;     // whole pages
  uint64_t any_of = 0;    // a page matches if it has one of these categories
  uint64_t reported = 0;  // regions differ in these categories
  int64_t max_pages = 0;  // stop after this many matching pages; 0: no limit
};

// A mapping as the ioctl PROCMAP_QUERY describes it (since Linux 6.11, fs/proc/task_mmu.c).
struct MappingRecord {
  AddressRange range;
  bool is_shared = false;
  uint32_t device_major = 0;  // of the mapped file
  uint32_t device_minor = 0;
  uint64_t inode = 0;  // 0 if no file is mapped
};

// A bit for each CPU, CPU 0 the lowest bit of the first word. As many words as the kernel's limit
// of CPUs needs.
using CpuMask = std::vector<uint64_t>;
CpuSet ToCpuSet(const CpuMask& mask);

// A process that is held still. It resumes when this object is destroyed, or when the thread that
// created it exits for any reason. Destroy it on the thread that created it.
class ProcessHold {
 public:
  virtual ~ProcessHold() = default;
};

// Thread-safe.
class KernelCalls {
 public:
  virtual ~KernelCalls() = default;

  // Calls move_pages(2). With empty `nodes` it only queries the pages' nodes. Returns the result of
  // the system call, or -errno. `addresses`, `status` and a non-empty `nodes` have equal sizes.
  //
  // What the kernel does beyond the manual page (mm/migrate.c): It moves consecutive pages with the
  // same target together. If one of them fails, the status of all of them remains unwritten, and a
  // positive result counts them and all pages that were not tried. Errors are not atomic: earlier
  // pages may have moved. PID 0 would mean the caller; this function returns -EINVAL for it.
  virtual int MovePages(pid_t pid, absl::Span<const uint64_t> addresses,
                        absl::Span<const int> nodes, absl::Span<int> status,
                        MoveFlag flag = MoveFlag::kExclusive) = 0;

  // Calls PAGEMAP_SCAN on an open /proc/PID/pagemap. Returns the number of `regions` that were
  // filled, or -errno; -ENOTTY before Linux 6.7. `walk_end` is where the kernel stopped, but the
  // kernel leaves an old value if it has returned regions in several rounds (of 512). It is valid
  // only if all of `regions` are filled or `max_pages` is reached; otherwise the walk has reached
  // the end of the range.
  virtual int ScanPagemap(int pagemap_fd, const PagemapQuery& query,
                          absl::Span<PagemapRegion> regions, uint64_t& walk_end) = 0;

  // Calls PROCMAP_QUERY on an open /proc/PID/maps: finds the mapping that contains `address`, or
  // else the next one. Unless `name` is empty, writes to it the path or name that maps shows, with
  // a null byte; an empty one if there is none. Returns 0, or -errno: -ENOENT if there is no such
  // mapping, -ENAMETOOLONG if the name does not fit, -ESRCH if the process has no memory any more,
  // -ENOTTY before Linux 6.11.
  virtual int QueryMapping(int maps_fd, uint64_t address, absl::Span<char> name,
                           MappingRecord& mapping) = 0;

  // The frame number of the zero page, to which the kernel maps anonymous memory that was read but
  // never written. Pagemap shows such pages as present. nullopt if the kernel gives every such page
  // a frame of its own (seen on Linux 6.18 in a Firecracker guest). PERMISSION_DENIED if frame
  // numbers are hidden (they need CAP_SYS_ADMIN).
  virtual absl::StatusOr<std::optional<uint64_t>> ZeroFrame() = 0;

  // Compares the address spaces of two processes (kcmp(2), KCMP_VM): equal if they share one,
  // otherwise in a total order over all processes. UNIMPLEMENTED on kernels built without kcmp(2),
  // NOT_FOUND if one process has exited, PERMISSION_DENIED if the caller may not trace both.
  virtual absl::StatusOr<std::strong_ordering> CompareMemory(pid_t a, pid_t b) = 0;

  // Pins thread `tid` to `cpus` (sched_setaffinity(2)). NOT_FOUND if it has exited.
  virtual absl::Status SetThreadCpus(pid_t tid, const CpuSet& cpus) = 0;

  // Holds a process: stops all its threads by ptrace(2). FAILED_PRECONDITION if it is traced
  // already, is the caller itself, or has more than `max_threads` threads; DEADLINE_EXCEEDED if a
  // thread does not stop within `timeout` because it sleeps uninterruptibly; NOT_FOUND if the
  // process has exited; PERMISSION_DENIED. The calling thread should exit after each hold: see
  // PtraceHold.
  virtual absl::StatusOr<std::unique_ptr<ProcessHold>> HoldProcess(pid_t pid, int max_threads,
                                                                   absl::Duration timeout) = 0;

  // Calls pidfd_open(2). The descriptor becomes readable when the process has exited. NOT_FOUND if
  // there is no such process.
  virtual absl::StatusOr<ScopedFd> OpenPidFd(pid_t pid) = 0;

  // The CPUs on which thread `tid` may run: its affinity within its cpuset. Takes one system call.
  virtual absl::StatusOr<CpuSet> ThreadCpus(pid_t tid) = 0;

  // The same as bits. For callers that ask about many threads: reuses the memory of `mask`.
  virtual absl::Status ThreadCpuMask(pid_t tid, CpuMask& mask);
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_BASE_KERNEL_CALLS_H_
