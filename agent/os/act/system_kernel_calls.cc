#include "agent/os/act/system_kernel_calls.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <numaif.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/os/act/ptrace_hold.h"
#include "agent/os/base/file.h"

namespace numalocality {
namespace {

constexpr char kPagemap[] = "/proc/self/pagemap";

// The entry for `page` in this process's pagemap.
absl::StatusOr<uint64_t> ReadEntry(const volatile char* page, long page_bytes) {
  const ScopedFd fd(open(kPagemap, O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, kPagemap);
  uint64_t entry = 0;
  const auto offset = reinterpret_cast<uintptr_t>(page) / static_cast<uintptr_t>(page_bytes);
  const ssize_t got =
      pread(fd.get(), &entry, sizeof entry, static_cast<off_t>(offset * sizeof entry));
  if (got != sizeof entry) return ErrnoStatus(got < 0 ? errno : EIO, kPagemap);
  return entry;
}

absl::StatusOr<std::optional<uint64_t>> FindZeroFrame() {
  const long page_bytes = sysconf(_SC_PAGESIZE);
  const size_t bytes = 2 * static_cast<size_t>(page_bytes);
  void* memory = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return ErrnoStatus(errno, "map a zero page");
  const auto* page = static_cast<const volatile char*>(memory);
  (void)page[0];  // reading untouched anonymous memory maps the zero page
  (void)page[page_bytes];
  const auto first = ReadEntry(page, page_bytes);
  const auto second = ReadEntry(page + page_bytes, page_bytes);
  munmap(memory, bytes);
  if (!first.ok()) return first.status();
  if (!second.ok()) return second.status();
  constexpr uint64_t kFrameMask = (uint64_t{1} << 55) - 1;
  const uint64_t frame = *first & kFrameMask;
  if (frame == 0) {
    return absl::PermissionDeniedError(
        "page frame numbers are hidden; reading them needs CAP_SYS_ADMIN");
  }
  if (frame != (*second & kFrameMask)) return std::nullopt;
  return frame;
}

// 8192 CPUs, the largest limit of any distribution's kernel.
constexpr size_t kMaskWords = 8192 / (8 * sizeof(unsigned long));

// struct pm_scan_arg of linux/fs.h.
struct PagemapScanArguments {
  uint64_t size = sizeof(PagemapScanArguments);
  uint64_t flags = 0;
  uint64_t start = 0;
  uint64_t end = 0;
  uint64_t walk_end = 0;
  uint64_t vec = 0;
  uint64_t vec_len = 0;
  uint64_t max_pages = 0;
  uint64_t category_inverted = 0;
  uint64_t category_mask = 0;
  uint64_t category_anyof_mask = 0;
  uint64_t return_mask = 0;
};

// struct procmap_query of linux/fs.h.
struct MappingQueryArguments {
  uint64_t size = sizeof(MappingQueryArguments);
  uint64_t query_flags = 0;
  uint64_t query_addr = 0;
  uint64_t vma_start = 0;
  uint64_t vma_end = 0;
  uint64_t vma_flags = 0;
  uint64_t vma_page_size = 0;
  uint64_t vma_offset = 0;
  uint64_t inode = 0;
  uint32_t dev_major = 0;
  uint32_t dev_minor = 0;
  uint32_t vma_name_size = 0;
  uint32_t build_id_size = 0;
  uint64_t vma_name_addr = 0;
  uint64_t build_id_addr = 0;
};
static_assert(sizeof(MappingQueryArguments) == 104, "the ioctl's number contains the size");

// Flags of PROCMAP_QUERY.
constexpr uint64_t kMappingIsShared = 0x08;    // PROCMAP_QUERY_VMA_SHARED
constexpr uint64_t kThisOrNextMapping = 0x10;  // PROCMAP_QUERY_COVERING_OR_NEXT_VMA

class SystemKernel final : public KernelCalls {
 public:
  int MovePages(pid_t pid, absl::Span<const uint64_t> addresses, absl::Span<const int> nodes,
                absl::Span<int> status, MoveFlag flag) override {
    if (pid <= 0) return -EINVAL;
    static_assert(sizeof(uint64_t) == sizeof(void*), "addresses are passed as pointers");
    auto* pages = reinterpret_cast<void**>(const_cast<uint64_t*>(addresses.data()));
    const long result = move_pages(pid, addresses.size(), pages,
                                   nodes.empty() ? nullptr : nodes.data(), status.data(),
                                   nodes.empty()                  ? 0
                                   : flag == MoveFlag::kExclusive ? MPOL_MF_MOVE
                                                                  : MPOL_MF_MOVE_ALL);
    return result < 0 ? -errno : static_cast<int>(result);
  }

  absl::StatusOr<ScopedFd> OpenPidFd(pid_t pid) override {
    if (pid <= 0) {
      return absl::InvalidArgumentError(absl::StrCat("process ", pid, ": not a PID"));
    }
    ScopedFd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (!fd.valid()) return ErrnoStatus(errno, absl::StrCat("open process ", pid));
    return fd;
  }

  absl::StatusOr<CpuSet> ThreadCpus(pid_t tid) override {
    CpuMask mask;
    NL_RETURN_IF_ERROR(ThreadCpuMask(tid, mask));
    return ToCpuSet(mask);
  }

  absl::Status ThreadCpuMask(pid_t tid, CpuMask& mask) override {
    mask.resize(kMaskWords);
    // The raw system call, because it returns the number of bytes written and accepts any size.
    const long bytes =
        syscall(SYS_sched_getaffinity, tid, mask.size() * sizeof(mask[0]), mask.data());
    if (bytes < 0) return ErrnoStatus(errno, absl::StrCat("read the CPU affinity of thread ", tid));
    mask.resize(static_cast<size_t>(bytes) / sizeof(mask[0]));
    return absl::OkStatus();
  }

  int ScanPagemap(int pagemap_fd, const PagemapQuery& query, absl::Span<PagemapRegion> regions,
                  uint64_t& walk_end) override {
    PagemapScanArguments arguments;
    arguments.start = query.range.start;
    arguments.end = query.range.end;
    arguments.vec = reinterpret_cast<uint64_t>(regions.data());
    arguments.vec_len = regions.size();
    arguments.max_pages = static_cast<uint64_t>(query.max_pages);
    arguments.category_anyof_mask = query.any_of;
    arguments.return_mask = query.reported;
    const int result = ioctl(pagemap_fd, _IOWR('f', 16, PagemapScanArguments), &arguments);
    walk_end = arguments.walk_end;
    return result < 0 ? -errno : result;
  }

  int QueryMapping(int maps_fd, uint64_t address, absl::Span<char> name,
                   MappingRecord& mapping) override {
    MappingQueryArguments arguments;
    arguments.query_flags = kThisOrNextMapping;
    arguments.query_addr = address;
    if (!name.empty()) {
      arguments.vma_name_addr = reinterpret_cast<uint64_t>(name.data());
      arguments.vma_name_size = static_cast<uint32_t>(name.size());
    }
    if (ioctl(maps_fd, _IOWR('f', 17, MappingQueryArguments), &arguments) < 0) return -errno;
    if (!name.empty() && arguments.vma_name_size == 0) name[0] = '\0';
    mapping = {{arguments.vma_start, arguments.vma_end},
               (arguments.vma_flags & kMappingIsShared) != 0,
               arguments.dev_major,
               arguments.dev_minor,
               arguments.inode};
    return 0;
  }

  absl::StatusOr<std::optional<uint64_t>> ZeroFrame() override { return FindZeroFrame(); }

  absl::StatusOr<std::strong_ordering> CompareMemory(pid_t a, pid_t b) override {
    switch (syscall(SYS_kcmp, a, b, KCMP_VM, 0, 0)) {
      case 0: return std::strong_ordering::equal;
      case 1: return std::strong_ordering::less;
      case 2: return std::strong_ordering::greater;
      default:
        return ErrnoStatus(errno, absl::StrCat("compare the memory of processes ", a, " and ", b));
    }
  }

  absl::Status SetThreadCpus(pid_t tid, const CpuSet& cpus) override {
    unsigned long mask[kMaskWords] = {};
    constexpr size_t kWordBits = 8 * sizeof(unsigned long);
    for (const CpuId cpu : cpus) {
      const auto bit = static_cast<size_t>(cpu.value);
      if (bit < kMaskWords * kWordBits) mask[bit / kWordBits] |= 1UL << (bit % kWordBits);
    }
    if (syscall(SYS_sched_setaffinity, tid, sizeof(mask), mask) == 0) return absl::OkStatus();
    return ErrnoStatus(errno, absl::StrCat("pin thread ", tid, " to CPUs ", cpus.ToString()));
  }

  absl::StatusOr<std::unique_ptr<ProcessHold>> HoldProcess(pid_t pid, int max_threads,
                                                           absl::Duration timeout) override {
    return PtraceHold(pid, max_threads, timeout);
  }
};

}  // namespace

KernelCalls& SystemKernelCalls() {
  static SystemKernel kernel;
  return kernel;
}

}  // namespace numalocality
