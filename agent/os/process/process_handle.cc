#include "agent/os/process/process_handle.h"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/os/process/maps.h"
#include "agent/os/process/process_cgroup.h"

namespace numalocality {
namespace {

std::string ProcessPath(const Host& host, pid_t pid) { return absl::StrCat(host.proc, "/", pid); }

absl::StatusOr<ProcessStat> ReadStatAt(int directory_fd, const std::string& name) {
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFileAt(directory_fd, name));
  return ParseStat(text);
}

// The kernel shows a code start of 0 for a thread without memory: one that has exited or is about
// to exit.
bool HasMemory(const absl::StatusOr<ProcessStat>& stat) {
  return stat.ok() && stat->code_start != 0;
}

// The path of a thread's file relative to /proc/PID.
std::string ThreadFile(pid_t pid, pid_t thread, absl::string_view name) {
  return thread == pid ? std::string(name) : absl::StrCat("task/", thread, "/", name);
}

// Implements FindThreadWithMemory. `directory_fd` is open on /proc/PID.
pid_t FindThread(int directory_fd, pid_t pid) {
  if (HasMemory(ReadStatAt(directory_fd, "stat"))) return pid;
  const auto entries = ListDirectory(directory_fd, "task");
  if (!entries.ok()) return 0;
  for (const DirectoryEntry& entry : *entries) {
    pid_t tid = 0;
    if (!absl::SimpleAtoi(entry.name, &tid) || tid == pid) continue;
    if (HasMemory(ReadStatAt(directory_fd, ThreadFile(pid, tid, "stat")))) return tid;
  }
  return 0;
}

}  // namespace

absl::StatusOr<ProcessHandle> ProcessHandle::Open(KernelCalls& kernel, const Host& host,
                                                  pid_t pid) {
  NL_ASSIGN_OR_RETURN(ScopedFd pidfd, kernel.OpenPidFd(pid));
  const std::string path = ProcessPath(host, pid);
  NL_ASSIGN_OR_RETURN(ScopedFd directory, OpenDirectory(path));
  NL_ASSIGN_OR_RETURN(const ProcessStat stat, ReadStatAt(directory.get(), "stat"));
  const pid_t thread = FindThread(directory.get(), pid);
  if (thread == 0 && (stat.state == 'Z' || stat.state == 'X')) {
    return absl::NotFoundError(absl::StrCat("process ", pid, ": has exited"));
  }
  return ProcessHandle(kernel, {pid, stat.start_ticks}, thread == 0 ? pid : thread,
                       std::move(pidfd), std::move(directory), path);
}

bool ProcessHandle::RenewThread() const {
  const pid_t current = thread();
  if (HasMemory(ReadStatAt(directory_.get(), ThreadFile(pid(), current, "stat")))) return true;
  const pid_t found = FindThread(directory_.get(), pid());
  if (found != 0) *thread_ = found;
  return found != 0;
}

ProcessFate ProcessHandle::Fate() const {
  pollfd poll_entry{pidfd_.get(), POLLIN, 0};
  int ready = 0;
  do {
    ready = poll(&poll_entry, 1, 0);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) {
    // The pidfd shows only whether the whole process runs; thread() may have exited.
    return thread() == pid() || RenewThread() ? ProcessFate::kRunning : ProcessFate::kExited;
  }
  // It has exited. Check whether its PID already names another process.
  const auto now = ReadStatAt(AT_FDCWD, pid_path_ + "/stat");
  return now.ok() && now->start_ticks != id_.start_ticks ? ProcessFate::kReplaced
                                                         : ProcessFate::kExited;
}

absl::StatusOr<std::vector<Mapping>> ProcessHandle::ReadMaps() const {
  ReadBudget budget;
  return ReadMaps(budget);
}

absl::StatusOr<std::vector<Mapping>> ProcessHandle::ReadMaps(ReadBudget& budget) const {
  std::vector<Mapping> mappings;
  NL_RETURN_IF_ERROR(VisitMappings(budget, [&](const Mapping& mapping) {
    mappings.push_back(mapping);
    return true;
  }));
  return mappings;
}

absl::StatusOr<Mapping> ProcessHandle::ReadFirstMapping(ReadBudget& budget) const {
  Mapping first;
  NL_RETURN_IF_ERROR(VisitMappings(budget, [&](const Mapping& mapping) {
    first = mapping;
    return false;
  }));
  return first;
}

absl::Status ProcessHandle::VisitMappings(ReadBudget& budget, MappingVisitor visit) const {
  pid_t thread = 0;
  absl::Status status;
  do {
    thread = this->thread();
    status = VisitMappingsOf(thread, budget, visit);
    // Nothing was visited: the file is missing or empty, maybe because the thread has exited.
    if (absl::IsNotFound(status)) RenewThread();
  } while (this->thread() != thread);
  return status;
}

absl::Status ProcessHandle::VisitMappingsOf(pid_t thread, ReadBudget& budget,
                                            MappingVisitor visit) const {
  // An exiting process loses its memory, then its mounts, and only then its pidfd shows that it has
  // exited.
  NL_ASSIGN_OR_RETURN(
      const MemoryFileSystems file_systems,
      ReadMemoryFileSystems(directory_.get(), ThreadFile(pid(), thread, "mountinfo"), budget));
  bool has_memory = false;
  NL_RETURN_IF_ERROR(VisitMaps(*kernel_, directory_.get(), ThreadFile(pid(), thread, "maps"),
                               file_systems, budget, [&](const Mapping& mapping) {
                                 has_memory = true;
                                 return visit(mapping);
                               }));
  if (has_memory) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("process ", pid(), ": has no memory, or is exiting"));
}

absl::StatusOr<NodeSet> ProcessHandle::ReadAllowedNodes() const {
  NL_ASSIGN_OR_RETURN(const std::string text,
                      ReadFileAt(directory_.get(), ThreadFile(pid(), thread(), "status")));
  NL_ASSIGN_OR_RETURN(const std::string list, ParseMemsAllowed(text));
  return NodeSet::Parse(list);
}

absl::StatusOr<int64_t> ProcessHandle::ReadSwappedBytes() const {
  NL_ASSIGN_OR_RETURN(const std::string text,
                      ReadFileAt(directory_.get(), ThreadFile(pid(), thread(), "status")));
  return ParseSwappedBytes(text);
}

absl::StatusOr<std::string> ProcessHandle::ReadCgroup(const Host& host) const {
  NL_ASSIGN_OR_RETURN(const std::string text,
                      ReadFileAt(directory_.get(), ThreadFile(pid(), thread(), "cgroup")));
  return ProcessCgroup(host, text);
}

absl::StatusOr<ScopedFd> ProcessHandle::OpenPagemap() const {
  pid_t thread = 0;
  ScopedFd fd;
  int error_number = 0;
  do {
    thread = this->thread();
    fd = ScopedFd(openat(directory_.get(), ThreadFile(pid(), thread, "pagemap").c_str(),
                         O_RDONLY | O_CLOEXEC));
    error_number = errno;
    // The open file stays attached to the memory, but is empty if the thread had exited before.
    RenewThread();
  } while (this->thread() != thread);
  if (!fd.valid())
    return ErrnoStatus(error_number, absl::StrCat("open pagemap of process ", pid()));
  return fd;
}

int MovePages(KernelCalls& kernel, const ProcessHandle& process,
              absl::Span<const uint64_t> addresses, absl::Span<const int> nodes,
              absl::Span<int> status, MoveFlag flag) {
  pid_t thread = 0;
  int result = 0;
  do {
    thread = process.thread();
    std::fill(status.begin(), status.end(), kStatusUnwritten);
    result = kernel.MovePages(thread, addresses, nodes, status, flag);
    // EINVAL and ESRCH may mean that the thread has exited. The id of a thread other than the main
    // thread may also have passed to a thread of another process.
    if (result == -EINVAL || result == -ESRCH || thread != process.pid()) process.RenewThread();
  } while (process.thread() != thread);
  return result;
}

pid_t FindThreadWithMemory(const Host& host, pid_t pid) {
  const auto directory = OpenDirectory(ProcessPath(host, pid));
  return directory.ok() ? FindThread(directory->get(), pid) : 0;
}

absl::StatusOr<ProcessThreads> ReadThreads(KernelCalls& kernel, const Host& host, pid_t pid) {
  ReadBudget budget;
  return ReadThreads(kernel, host, pid, budget);
}

absl::StatusOr<ProcessThreads> ReadThreads(KernelCalls& kernel, const Host& host, pid_t pid,
                                           ReadBudget& budget) {
  const std::string tasks = ProcessPath(host, pid) + "/task";
  NL_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries,
                      ListDirectory(AT_FDCWD, tasks, budget));
  ProcessThreads threads;
  for (const DirectoryEntry& entry : entries) {
    pid_t tid = 0;
    if (!absl::SimpleAtoi(entry.name, &tid)) continue;
    NL_RETURN_IF_ERROR(budget.Take(tasks, 0));
    const auto cpus = kernel.ThreadCpus(tid);
    if (absl::IsNotFound(cpus.status())) continue;  // the thread ended meanwhile
    if (!cpus.ok()) return cpus.status();
    threads.cpus = threads.cpus | *cpus;
    ++threads.thread_count;
  }
  if (threads.thread_count == 0) {
    return absl::NotFoundError(absl::StrCat("process ", pid, ": has exited"));
  }
  return threads;
}

absl::StatusOr<ProcessStat> ReadStat(const Host& host, pid_t pid) {
  return ReadStatAt(AT_FDCWD, ProcessPath(host, pid) + "/stat");
}

}  // namespace numalocality
