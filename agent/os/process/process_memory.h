// What the memory of the machine's processes has in common: for surveys of all of them.
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
#include "agent/os/process/parse_proc.h"

namespace numalocality {

// Every process of the machine, kernel threads included. FAILED_PRECONDITION if this process does
// not see them all: in a PID namespace of its own, or where procfs hides them (hidepid).
absl::StatusOr<std::vector<pid_t>> ListAllProcesses(const Host& host);

// Memory is found through a living thread: the first one may have ended before the others.
class ProcessMemory {
 public:
  // NOT_FOUND if there is no memory: of kernel threads, and of processes that exit or are gone.
  // PERMISSION_DENIED without the right to read it (PTRACE_MODE_READ: CAP_SYS_PTRACE).
  static absl::StatusOr<ProcessMemory> Open(const Host& host, pid_t pid);

  // Where the stack began at exec: chosen at random by exec, copied by fork. Processes that have
  // one in common may share anonymous pages; others do not (unless one lies by PR_SET_MM).
  uint64_t exec_mark() const { return exec_mark_; }

  // Visits the mappings in address order, in bounded memory. Which mounted file systems are memory
  // is not looked up: `backing` is what the path tells. NOT_FOUND if the memory is gone.
  absl::Status VisitMappings(absl::FunctionRef<void(const Mapping&)> visit) const;

  // The file systems whose files are memory and nothing else: every tmpfs that the process has
  // mounted, and the kernel's own, where memfd_create(2), shmget(2) and shared anonymous mappings
  // have their objects. On these, and not on others (overlayfs), two mappings share pages exactly
  // if device and inode are the same. NOT_FOUND if the process is gone.
  absl::StatusOr<std::set<DeviceId>> ReadShmemDevices() const;

 private:
  ProcessMemory(std::string directory, uint64_t exec_mark)
      : directory_(std::move(directory)), exec_mark_(exec_mark) {}

  std::string directory_;  // /proc/PID, or /proc/PID/task/TID
  uint64_t exec_mark_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PROCESS_PROCESS_MEMORY_H_
