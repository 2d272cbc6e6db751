// A handle to one process that notices when its PID is reused (pidfd_open(2), proc(5)).
#ifndef NUMALOCALITY_AGENT_OS_PROCESS_PROCESS_HANDLE_H_
#define NUMALOCALITY_AGENT_OS_PROCESS_PROCESS_HANDLE_H_

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "agent/model/id_set.h"
#include "agent/model/ids.h"
#include "agent/os/base/file.h"
#include "agent/os/base/host.h"
#include "agent/os/base/kernel_calls.h"
#include "agent/os/base/read_budget.h"
#include "agent/os/process/parse_proc.h"

namespace numalocality {

// Whether the process of a handle still runs: kReplaced if its PID now names another process.
enum class ProcessFate { kRunning, kExited, kReplaced };

// Keeps a pidfd and the directory /proc/PID open. Neither prevents the reuse of the PID, which
// move_pages(2) takes as a number, but both show that it was reused. If the main thread has exited
// and others continue, the memory is reached through one of these, because a thread that has exited
// has no memory. Thread-safe.
class ProcessHandle {
 public:
  // NOT_FOUND if there is no such process or it is a zombie; INVALID_ARGUMENT if pid <= 0.
  static absl::StatusOr<ProcessHandle> Open(KernelCalls& kernel, const Host& host, pid_t pid);

  const ProcessId& id() const { return id_; }
  pid_t pid() const { return id_.pid; }
  // The id to pass to system calls that access the process's memory: the PID, or the id of another
  // live thread.
  pid_t thread() const { return *thread_; }

  // Selects another thread() if the current one has exited. False if no thread with memory is left.
  bool RenewThread() const;

  // Asks the kernel. Call immediately before and after any action that must affect only this
  // process.
  ProcessFate Fate() const;

  // These read /proc/PID/*, or the files of thread().
  // NOT_FOUND if the process has no memory, RESOURCE_EXHAUSTED if its maps exceed the budget;
  // without one, kRequestLimits.
  absl::StatusOr<std::vector<Mapping>> ReadMaps() const;
  absl::StatusOr<std::vector<Mapping>> ReadMaps(ReadBudget& budget) const;
  absl::StatusOr<Mapping> ReadFirstMapping(
      ReadBudget& budget) const;                                   // the lowest; errors as above
  absl::StatusOr<NodeSet> ReadAllowedNodes() const;                // the cpuset of one thread
  absl::StatusOr<int64_t> ReadSwappedBytes() const;                // NOT_FOUND without swap
  absl::StatusOr<std::string> ReadCgroup(const Host& host) const;  // as ProcessCgroup
  absl::StatusOr<ScopedFd> OpenPagemap() const;

 private:
  using MappingVisitor = absl::FunctionRef<bool(const Mapping&)>;

  ProcessHandle(KernelCalls& kernel, ProcessId id, pid_t thread, ScopedFd pidfd, ScopedFd directory,
                std::string pid_path)
      : kernel_(&kernel),
        id_(id),
        thread_(std::make_unique<std::atomic<pid_t>>(thread)),
        pidfd_(std::move(pidfd)),
        directory_(std::move(directory)),
        pid_path_(std::move(pid_path)) {}

  absl::Status VisitMappings(ReadBudget& budget, MappingVisitor visit) const;
  absl::Status VisitMappingsOf(pid_t thread, ReadBudget& budget, MappingVisitor visit) const;

  KernelCalls* kernel_;
  ProcessId id_;
  std::unique_ptr<std::atomic<pid_t>> thread_;  // on the heap, so that the handle is movable
  ScopedFd pidfd_;
  ScopedFd directory_;
  std::string pid_path_;
};

// Calls KernelCalls::MovePages on the process's memory. Repeats the call if the thread it was made
// through has exited. Fills `status` with kStatusUnwritten first.
int MovePages(KernelCalls& kernel, const ProcessHandle& process,
              absl::Span<const uint64_t> addresses, absl::Span<const int> nodes,
              absl::Span<int> status, MoveFlag flag = MoveFlag::kExclusive);

// The thread through which the memory of process `pid` is reached: `pid` itself, or another thread
// if that one has exited. 0 if no thread has memory: the process has exited or is a kernel thread.
pid_t FindThreadWithMemory(const Host& host, pid_t pid);

// The CPUs on which at least one thread of a process may run, and the number of threads.
struct ProcessThreads {
  CpuSet cpus;
  int thread_count = 0;
};

// Takes four system calls and one for each thread. NOT_FOUND if the process has exited,
// RESOURCE_EXHAUSTED if it has more threads than the budget allows; without one, kRequestLimits.
absl::StatusOr<ProcessThreads> ReadThreads(KernelCalls& kernel, const Host& host, pid_t pid);
absl::StatusOr<ProcessThreads> ReadThreads(KernelCalls& kernel, const Host& host, pid_t pid,
                                           ReadBudget& budget);

// Reads /proc/PID/stat. NOT_FOUND if the process has exited.
absl::StatusOr<ProcessStat> ReadStat(const Host& host, pid_t pid);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PROCESS_PROCESS_HANDLE_H_
