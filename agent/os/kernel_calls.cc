#include "agent/os/kernel_calls.h"

#include <linux/kcmp.h>
#include <numaif.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/os/ptrace_hold.h"
#include "agent/os/zero_frame.h"

namespace numalocality {
namespace {

// 8192 CPUs, the most that any distribution's kernel is built for.
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

class SystemKernelCalls final : public KernelCalls {
 public:
  int MovePages(pid_t pid, absl::Span<const uint64_t> addresses, absl::Span<const int> nodes,
                absl::Span<int> status, MoveFlag flag) override {
    if (pid <= 0) return -EINVAL;
    static_assert(sizeof(uint64_t) == sizeof(void*), "addresses are passed as they are");
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
    // The system call itself: it returns the bytes it wrote, and takes any size.
    const long bytes =
        syscall(SYS_sched_getaffinity, tid, mask.size() * sizeof(mask[0]), mask.data());
    if (bytes < 0) return ErrnoStatus(errno, absl::StrCat("affinity of thread ", tid));
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

  absl::StatusOr<uint64_t> ZeroFrame() override { return FindZeroFrame(); }

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
    return ErrnoStatus(errno, absl::StrCat("confine thread ", tid, " to CPUs ", cpus.ToString()));
  }

  absl::StatusOr<std::unique_ptr<ProcessHold>> HoldProcess(pid_t pid, int max_threads,
                                                           absl::Duration timeout) override {
    return PtraceHold(pid, max_threads, timeout);
  }
};

}  // namespace

CpuSet ToCpuSet(const CpuMask& mask) {
  CpuSet cpus;
  for (size_t word = 0; word < mask.size(); ++word) {
    for (uint64_t bits = mask[word]; bits != 0; bits &= bits - 1) {
      cpus.Insert(CpuId{static_cast<int>(word * 64) + std::countr_zero(bits)});
    }
  }
  return cpus;
}

absl::Status KernelCalls::ThreadCpuMask(pid_t tid, CpuMask& mask) {
  NL_ASSIGN_OR_RETURN(const CpuSet cpus, ThreadCpus(tid));
  mask.clear();
  for (const CpuId cpu : cpus) {
    const auto word = static_cast<size_t>(cpu.value) / 64;
    if (mask.size() <= word) mask.resize(word + 1);
    mask[word] |= uint64_t{1} << (cpu.value % 64);
  }
  return absl::OkStatus();
}

KernelCalls& KernelCalls::System() {
  static SystemKernelCalls calls;
  return calls;
}

}  // namespace numalocality
