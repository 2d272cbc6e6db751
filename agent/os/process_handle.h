// One process, held in a way that notices when its PID comes to name another.
#ifndef NUMALOCALITY_AGENT_OS_PROCESS_HANDLE_H_
#define NUMALOCALITY_AGENT_OS_PROCESS_HANDLE_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/model/id_set.h"
#include "agent/model/ids.h"
#include "agent/os/file.h"
#include "agent/os/host_paths.h"
#include "agent/os/kernel_calls.h"
#include "agent/os/parse_proc.h"

namespace numalocality {

// Whether a held process is what it was.
enum class ProcessFate { kRunning, kExited, kReplaced };

// Holds a pidfd and the directory /proc/PID. Where the main thread has ended and others live on,
// the directory is that of one of those: a dead thread has no memory. Neither can keep the number
// from being reused, as move_pages(2) takes a number; both tell that it was. Not thread-safe.
class ProcessHandle {
 public:
  // NOT_FOUND if there is no such process, or only a zombie; INVALID_ARGUMENT for pid <= 0.
  static absl::StatusOr<ProcessHandle> Open(KernelCalls& kernel, const HostPaths& paths, pid_t pid);

  const ProcessId& id() const { return id_; }
  pid_t pid() const { return id_.pid; }
  // What to name in system calls about the process's memory: the PID, or another live thread.
  pid_t thread() const { return thread_; }

  // Asks afresh: call right before and right after what must hit this process only. Exited is also
  // a process whose thread() has ended.
  ProcessFate Fate() const;

  // Files of /proc/PID, or of thread().
  absl::StatusOr<std::vector<Mapping>> ReadMaps() const;  // NOT_FOUND if it has no memory
  absl::StatusOr<NodeSet> ReadAllowedNodes() const;       // cpuset, of one thread
  absl::StatusOr<std::string> ReadCgroup() const;         // path; NOT_FOUND without cgroup v2
  absl::StatusOr<ScopedFd> OpenPagemap() const;

 private:
  ProcessHandle(ProcessId id, pid_t thread, ScopedFd pidfd, ScopedFd directory,
                std::string pid_path)
      : id_(id),
        thread_(thread),
        pidfd_(std::move(pidfd)),
        directory_(std::move(directory)),
        pid_path_(std::move(pid_path)) {}

  ProcessId id_;
  pid_t thread_;
  ScopedFd pidfd_;
  ScopedFd directory_;
  std::string pid_path_;
};

// The CPUs that a process's threads may run on, and how many threads there are.
struct ProcessThreads {
  CpuSet cpus;
  int thread_count = 0;
};

// Four system calls and one a thread. NOT_FOUND if the process is gone.
absl::StatusOr<ProcessThreads> ReadThreads(KernelCalls& kernel, const HostPaths& paths, pid_t pid);

// /proc/PID/stat by number. NOT_FOUND if the process is gone.
absl::StatusOr<ProcessStat> ReadStat(const HostPaths& paths, pid_t pid);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PROCESS_HANDLE_H_
