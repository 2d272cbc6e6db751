#include "agent/os/kernel_calls.h"

#include <numaif.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"

namespace numalocality {
namespace {

// 8192 CPUs, the most that any distribution's kernel is built for.
constexpr size_t kMaskWords = 8192 / (8 * sizeof(unsigned long));

class SystemKernelCalls final : public KernelCalls {
 public:
  int MovePages(pid_t pid, absl::Span<const uint64_t> addresses, absl::Span<const int> nodes,
                absl::Span<int> status) override {
    if (pid <= 0) return -EINVAL;
    static_assert(sizeof(uint64_t) == sizeof(void*), "addresses are passed as they are");
    auto* pages = reinterpret_cast<void**>(const_cast<uint64_t*>(addresses.data()));
    const long result =
        move_pages(pid, addresses.size(), pages, nodes.empty() ? nullptr : nodes.data(),
                   status.data(), nodes.empty() ? 0 : MPOL_MF_MOVE);
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
    unsigned long mask[kMaskWords] = {};
    // The system call itself: it returns the bytes it wrote, and takes any size.
    const long bytes = syscall(SYS_sched_getaffinity, tid, sizeof(mask), mask);
    if (bytes < 0) return ErrnoStatus(errno, absl::StrCat("affinity of thread ", tid));
    CpuSet cpus;
    constexpr size_t kWordBits = 8 * sizeof(unsigned long);
    for (size_t cpu = 0; cpu < static_cast<size_t>(bytes) * 8; ++cpu) {
      if ((mask[cpu / kWordBits] >> (cpu % kWordBits) & 1) != 0) {
        cpus.Insert(CpuId{static_cast<int>(cpu)});
      }
    }
    return cpus;
  }
};

}  // namespace

KernelCalls& KernelCalls::System() {
  static SystemKernelCalls calls;
  return calls;
}

}  // namespace numalocality
