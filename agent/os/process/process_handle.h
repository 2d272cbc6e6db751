// One process, held in a way that notices when its PID comes to name another.
#ifndef NUMALOCALITY_AGENT_OS_PROCESS_PROCESS_HANDLE_H_
#define NUMALOCALITY_AGENT_OS_PROCESS_PROCESS_HANDLE_H_

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "agent/model/id_set.h"
#include "agent/model/ids.h"
#include "agent/os/base/file.h"
#include "agent/os/base/host.h"
#include "agent/os/base/kernel_calls.h"
#include "agent/os/process/parse_proc.h"

namespace numalocality {

// Whether a held process is what it was.
enum class ProcessFate { kRunning, kExited, kReplaced };

// Holds a pidfd and the directory /proc/PID. Where the main thread has ended and others live on,
// the memory is reached through one of those: a thread that has ended has none. Neither keeps a
// number from being reused, as move_pages(2) takes a number; both tell that it was. Thread-safe.
class ProcessHandle {
 public:
  // NOT_FOUND if there is no such process, or only a zombie; INVALID_ARGUMENT for pid <= 0.
  static absl::StatusOr<ProcessHandle> Open(KernelCalls& kernel, const Host& host, pid_t pid);

  const ProcessId& id() const { return id_; }
  pid_t pid() const { return id_.pid; }
  // What to name in system calls about the process's memory: the PID, or another live thread.
  pid_t thread() const { return *thread_; }

  // Looks for another thread() if that has ended; false if none is left that has memory.
  bool RenewThread() const;

  // Asks afresh: call right before and right after what must hit this process only.
  ProcessFate Fate() const;

  // Files of /proc/PID, or of thread().
  absl::StatusOr<std::vector<Mapping>> ReadMaps() const;  // NOT_FOUND if it has no memory
  absl::StatusOr<NodeSet> ReadAllowedNodes() const;       // cpuset, of one thread
  absl::StatusOr<int64_t> ReadSwappedBytes() const;       // NOT_FOUND on kernels without swap
  absl::StatusOr<std::string> ReadCgroup(const Host& host) const;  // as ProcessCgroup
  absl::StatusOr<ScopedFd> OpenPagemap() const;

 private:
  ProcessHandle(ProcessId id, pid_t thread, ScopedFd pidfd, ScopedFd directory,
                std::string pid_path)
      : id_(id),
        thread_(std::make_unique<std::atomic<pid_t>>(thread)),
        pidfd_(std::move(pidfd)),
        directory_(std::move(directory)),
        pid_path_(std::move(pid_path)) {}

  absl::StatusOr<std::vector<Mapping>> ReadMapsOf(pid_t thread) const;

  ProcessId id_;
  std::unique_ptr<std::atomic<pid_t>> thread_;  // on the heap, so that a handle can be moved
  ScopedFd pidfd_;
  ScopedFd directory_;
  std::string pid_path_;
};

// move_pages(2) as KernelCalls has it, on the process's memory; once more if the thread it went
// through turns out to have ended. Fills `status` with kStatusUnwritten first.
int MovePages(KernelCalls& kernel, const ProcessHandle& process,
              absl::Span<const uint64_t> addresses, absl::Span<const int> nodes,
              absl::Span<int> status, MoveFlag flag = MoveFlag::kExclusive);

// The thread through which the memory of process `pid` can be reached: `pid` itself, or another one
// where that has ended. 0 if none has memory: it has exited, or is the kernel's own.
pid_t FindThreadWithMemory(const Host& host, pid_t pid);

// The CPUs that a process's threads may run on, and how many threads there are.
struct ProcessThreads {
  CpuSet cpus;
  int thread_count = 0;
};

// Four system calls and one a thread. NOT_FOUND if the process is gone.
absl::StatusOr<ProcessThreads> ReadThreads(KernelCalls& kernel, const Host& host, pid_t pid);

// /proc/PID/stat by number. NOT_FOUND if the process is gone.
absl::StatusOr<ProcessStat> ReadStat(const Host& host, pid_t pid);

// Whether it is what runs in a pod's sandbox. Sandbox containers cannot be told from others by
// their cgroup, and the runtime may not be reachable; every runtime's pause image runs a lone
// process of this name.
bool IsPauseProcess(const Host& host, pid_t pid);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PROCESS_PROCESS_HANDLE_H_
