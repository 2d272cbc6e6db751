// The seam to the kernel for all that is not a file: tests put a fake with the kernel's real
// partial semantics behind it.
#ifndef NUMALOCALITY_AGENT_OS_KERNEL_CALLS_H_
#define NUMALOCALITY_AGENT_OS_KERNEL_CALLS_H_

#include <sys/types.h>

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "agent/model/id_set.h"
#include "agent/os/file.h"

namespace numalocality {

// Status that the kernel leaves behind in entries it did not get to: callers fill `status` with it
// before a call. No node id and no -errno has this value.
inline constexpr int kStatusUnwritten = INT32_MIN;

// Thread-safe.
class KernelCalls {
 public:
  virtual ~KernelCalls() = default;

  // move_pages(2), without MPOL_MF_MOVE_ALL. `nodes` empty: query only. Returns what the system
  // call returns, or -errno. Sizes of `addresses`, `status` and a non-empty `nodes` are equal.
  //
  // What the kernel really does (mm/migrate.c): status of a whole run of equal targets stays
  // unwritten when one of its pages fails; a positive return counts those pages and all that were
  // not tried; errors are not atomic, earlier pages may have moved. PID 0 means the caller itself
  // and is refused with -EINVAL here.
  virtual int MovePages(pid_t pid, absl::Span<const uint64_t> addresses,
                        absl::Span<const int> nodes, absl::Span<int> status) = 0;

  // A descriptor that polls readable once the process has exited. NOT_FOUND if there is none.
  virtual absl::StatusOr<ScopedFd> OpenPidFd(pid_t pid) = 0;

  // CPUs that thread `tid` may run on: its affinity within its cpuset. One system call.
  virtual absl::StatusOr<CpuSet> ThreadCpus(pid_t tid) = 0;

  // The machine's kernel.
  static KernelCalls& System();
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_KERNEL_CALLS_H_
