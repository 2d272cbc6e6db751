// The mappings of any process of the machine (proc(5)), and which processes may share pages. For
// surveys of all processes.
#ifndef NUMALOCALITY_AGENT_OS_PROCESS_PROCESS_MEMORY_H_
#define NUMALOCALITY_AGENT_OS_PROCESS_PROCESS_MEMORY_H_

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/os/base/host.h"
#include "agent/os/base/kernel_calls.h"
#include "agent/os/base/read_budget.h"
#include "agent/os/process/parse_proc.h"

namespace numalocality {

// Lists every process of the machine, kernel threads included. FAILED_PRECONDITION if this program
// does not see all of them: it runs in another PID namespace, or procfs hides them (hidepid).
// RESOURCE_EXHAUSTED beyond the budget.
absl::StatusOr<std::vector<pid_t>> ListAllProcesses(const Host& host, ReadBudget& budget);

// The memory of one process. Reached through a live thread, because the main thread may have exited
// before the others.
class ProcessMemory {
 public:
  // NOT_FOUND if the process has no memory: it is a kernel thread, is exiting or has exited.
  // PERMISSION_DENIED without permission to read it (PTRACE_MODE_READ: CAP_SYS_PTRACE).
  static absl::StatusOr<ProcessMemory> Open(KernelCalls& kernel, const Host& host, pid_t pid,
                                            ReadBudget& budget);

  // The start address of the stack at exec. exec(2) chooses it at random and fork(2) copies it, so
  // only processes with equal marks may share anonymous pages (unless one has changed its mark by
  // PR_SET_MM).
  uint64_t exec_mark() const { return exec_mark_; }

  // Visits the mappings in address order, in bounded memory. Does not read the mounted file
  // systems: Mapping::backing is derived from the path only. NOT_FOUND if the process has lost its
  // memory, RESOURCE_EXHAUSTED beyond the budget.
  absl::Status VisitMappings(ReadBudget& budget,
                             absl::FunctionRef<void(const Mapping&)> visit) const;

  // The file systems whose files are in memory only: every tmpfs that the process has mounted, and
  // the kernel's internal tmpfs, which contains the objects of memfd_create(2), shmget(2) and
  // shared anonymous mappings. On these, unlike on others (overlayfs), two mappings share pages if
  // and only if their device and inode are equal. Errors as above.
  absl::StatusOr<std::set<DeviceId>> ReadShmemDevices(ReadBudget& budget) const;

 private:
  ProcessMemory(KernelCalls& kernel, std::string directory, uint64_t exec_mark)
      : kernel_(&kernel), directory_(std::move(directory)), exec_mark_(exec_mark) {}

  KernelCalls* kernel_;
  std::string directory_;  // /proc/PID, or /proc/PID/task/TID
  uint64_t exec_mark_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PROCESS_PROCESS_MEMORY_H_
