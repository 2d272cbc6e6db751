#include "agent/os/act/thread_pinning.h"

#include <fcntl.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"

namespace numalocality {
namespace {

// Each pass pins the threads that were created during the previous one. Two or three passes are
// usually enough.
constexpr int kMostPasses = 20;

absl::Status PinThread(KernelCalls& kernel, pid_t tid, const CpuSet& cpus) {
  const absl::Status status = kernel.SetThreadCpus(tid, cpus);
  if (absl::IsPermissionDenied(status)) {
    return absl::PermissionDeniedError(
        absl::StrCat(status.message(),
                     ": processes of other users need CAP_SYS_NICE, and a seccomp filter must "
                     "allow sched_setaffinity(2)"));
  }
  if (absl::IsInvalidArgument(status)) {
    return absl::FailedPreconditionError(
        absl::StrCat(status.message(),
                     ": the cpuset of its cgroup allows none of these CPUs, or they are offline"));
  }
  return status;
}

struct Pass {
  int thread_count = 0;
  int newly_pinned = 0;
};

// Pins the existing threads. Skips threads that are already pinned to `cpus` or a subset.
absl::StatusOr<Pass> PinOnce(KernelCalls& kernel, const Host& host, pid_t pid, const CpuSet& cpus) {
  NL_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries,
                      ListDirectory(AT_FDCWD, absl::StrCat(host.proc, "/", pid, "/task")));
  Pass pass;
  for (const DirectoryEntry& entry : entries) {
    pid_t tid = 0;
    if (!absl::SimpleAtoi(entry.name, &tid)) continue;
    const auto current = kernel.ThreadCpus(tid);
    if (absl::IsNotFound(current.status())) continue;  // the thread exited meanwhile
    if (!current.ok()) return current.status();
    ++pass.thread_count;
    if (cpus.ContainsAll(*current)) continue;
    const absl::Status status = PinThread(kernel, tid, cpus);
    if (absl::IsNotFound(status)) continue;
    NL_RETURN_IF_ERROR(status);
    ++pass.newly_pinned;
  }
  return pass;
}

}  // namespace

absl::StatusOr<int> PinThreads(KernelCalls& kernel, const Host& host, pid_t pid,
                               const CpuSet& cpus) {
  for (int i = 0; i < kMostPasses; ++i) {
    NL_ASSIGN_OR_RETURN(const Pass pass, PinOnce(kernel, host, pid, cpus));
    if (pass.thread_count == 0) {
      return absl::NotFoundError(absl::StrCat("process ", pid, ": has exited"));
    }
    // All threads were pinned before this pass, so none of them can create an unpinned one.
    if (pass.newly_pinned == 0) return pass.thread_count;
  }
  return absl::AbortedError(absl::StrCat(
      "pin process ", pid, " to CPUs ", cpus.ToString(), ": after ", kMostPasses,
      " passes some threads still run on other CPUs; the process sets their affinity itself"));
}

}  // namespace numalocality
