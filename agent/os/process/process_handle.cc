#include "agent/os/process/process_handle.h"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/os/process/hugetlb_devices.h"
#include "agent/os/process/process_cgroup.h"

namespace numalocality {
namespace {

// 65,530 mappings (vm.max_map_count) of lines with long paths; more is a process gone mad.
constexpr size_t kMaxMapsBytes = size_t{256} << 20;
// 100,000 mounts (fs.mount-max).
constexpr size_t kMaxMountinfoBytes = size_t{64} << 20;

std::string ProcessPath(const Host& host, pid_t pid) { return absl::StrCat(host.proc, "/", pid); }

absl::StatusOr<ProcessStat> ReadStatAt(int directory_fd, const std::string& name) {
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFileAt(directory_fd, name));
  return ParseStat(text);
}

// The kernel shows code that begins at 0 of a thread without memory: one that has ended, or is
// about to.
bool HasMemory(const absl::StatusOr<ProcessStat>& stat) {
  return stat.ok() && stat->code_start != 0;
}

// A file of a thread, below /proc/PID.
std::string ThreadFile(pid_t pid, pid_t thread, absl::string_view name) {
  return thread == pid ? std::string(name) : absl::StrCat("task/", thread, "/", name);
}

// See FindThreadWithMemory; `directory_fd` is that of /proc/PID.
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
  return ProcessHandle({pid, stat.start_ticks}, thread == 0 ? pid : thread, std::move(pidfd),
                       std::move(directory), path);
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
    // The pidfd tells of the whole process only; the thread's number may be another's by now.
    return thread() == pid() || RenewThread() ? ProcessFate::kRunning : ProcessFate::kExited;
  }
  // It has exited; does its number already name another?
  const auto now = ReadStatAt(AT_FDCWD, pid_path_ + "/stat");
  return now.ok() && now->start_ticks != id_.start_ticks ? ProcessFate::kReplaced
                                                         : ProcessFate::kExited;
}

absl::StatusOr<std::vector<Mapping>> ProcessHandle::ReadMaps() const {
  pid_t thread = 0;
  absl::StatusOr<std::vector<Mapping>> mappings;
  do {
    thread = this->thread();
    mappings = ReadMapsOf(thread);
    // Not there, or empty: of a thread that has ended meanwhile?
    if (absl::IsNotFound(mappings.status())) RenewThread();
  } while (this->thread() != thread);
  return mappings;
}

absl::StatusOr<std::vector<Mapping>> ProcessHandle::ReadMapsOf(pid_t thread) const {
  const auto mountinfo =
      ReadFileAt(directory_.get(), ThreadFile(pid(), thread, "mountinfo"), kMaxMountinfoBytes);
  // A process that is exiting loses its memory, then its mounts (EINVAL), and only then do others
  // see that it has exited.
  const auto gone =
      absl::NotFoundError(absl::StrCat("process ", pid(), ": has no memory (any more)"));
  if (absl::IsInvalidArgument(mountinfo.status())) return gone;
  if (!mountinfo.ok() && !absl::IsNotFound(mountinfo.status())) return mountinfo.status();
  NL_ASSIGN_OR_RETURN(MemoryFileSystems file_systems, ParseMountinfo(mountinfo.value_or("")));
  file_systems.hugetlbfs.insert(InternalHugetlbDevices().begin(), InternalHugetlbDevices().end());
  NL_ASSIGN_OR_RETURN(
      const std::string text,
      ReadFileAt(directory_.get(), ThreadFile(pid(), thread, "maps"), kMaxMapsBytes));
  if (text.empty()) return gone;
  return ParseMaps(text, file_systems);
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
    // It stays with the memory; that of a thread that had ended before is empty.
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
    // What the kernel says of a thread that has ended. And the number of any but the main thread
    // may have come to name another process's.
    if (result == -EINVAL || result == -ESRCH || thread != process.pid()) process.RenewThread();
  } while (process.thread() != thread);
  return result;
}

pid_t FindThreadWithMemory(const Host& host, pid_t pid) {
  const auto directory = OpenDirectory(ProcessPath(host, pid));
  return directory.ok() ? FindThread(directory->get(), pid) : 0;
}

absl::StatusOr<ProcessThreads> ReadThreads(KernelCalls& kernel, const Host& host, pid_t pid) {
  NL_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries,
                      ListDirectory(AT_FDCWD, ProcessPath(host, pid) + "/task"));
  ProcessThreads threads;
  for (const DirectoryEntry& entry : entries) {
    pid_t tid = 0;
    if (!absl::SimpleAtoi(entry.name, &tid)) continue;
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

bool IsPauseProcess(const Host& host, pid_t pid) {
  const auto stat = ReadStat(host, pid);
  return stat.ok() && stat->command == "pause";
}

}  // namespace numalocality
