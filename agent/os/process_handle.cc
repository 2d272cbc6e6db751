#include "agent/os/process_handle.h"

#include <fcntl.h>
#include <poll.h>

#include <cerrno>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/os/hugetlb_devices.h"

namespace numalocality {
namespace {

// 65,530 mappings (vm.max_map_count) of lines with long paths; more is a process gone mad.
constexpr size_t kMaxMapsBytes = size_t{256} << 20;
// 100,000 mounts (fs.mount-max).
constexpr size_t kMaxMountinfoBytes = size_t{64} << 20;

std::string ProcessPath(const HostPaths& paths, pid_t pid) {
  return absl::StrCat(paths.proc, "/", pid);
}

absl::StatusOr<ProcessStat> ReadStatAt(int directory_fd, const std::string& name) {
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFileAt(directory_fd, name));
  return ParseStat(text);
}

bool HasEnded(const ProcessStat& stat) { return stat.state == 'Z' || stat.state == 'X'; }

// A thread of the process at `path` that has not ended, 0 if there is none.
pid_t FindLiveThread(const std::string& path) {
  const auto entries = ListDirectory(AT_FDCWD, path + "/task");
  if (!entries.ok()) return 0;
  for (const DirectoryEntry& entry : *entries) {
    pid_t tid = 0;
    if (!absl::SimpleAtoi(entry.name, &tid)) continue;
    const auto stat = ReadStatAt(AT_FDCWD, absl::StrCat(path, "/task/", tid, "/stat"));
    if (stat.ok() && !HasEnded(*stat)) return tid;
  }
  return 0;
}

}  // namespace

absl::StatusOr<ProcessHandle> ProcessHandle::Open(KernelCalls& kernel, const HostPaths& paths,
                                                  pid_t pid) {
  NL_ASSIGN_OR_RETURN(ScopedFd pidfd, kernel.OpenPidFd(pid));
  const std::string path = ProcessPath(paths, pid);
  NL_ASSIGN_OR_RETURN(ScopedFd directory, OpenDirectory(path));
  NL_ASSIGN_OR_RETURN(const ProcessStat stat, ReadStatAt(directory.get(), "stat"));
  pid_t thread = pid;
  if (HasEnded(stat)) {
    thread = FindLiveThread(path);
    if (thread == 0) return absl::NotFoundError(absl::StrCat("process ", pid, ": has exited"));
    NL_ASSIGN_OR_RETURN(directory, OpenDirectory(absl::StrCat(path, "/task/", thread)));
  }
  return ProcessHandle({pid, stat.start_ticks}, thread, std::move(pidfd), std::move(directory),
                       path);
}

ProcessFate ProcessHandle::Fate() const {
  pollfd poll_entry{pidfd_.get(), POLLIN, 0};
  int ready = 0;
  do {
    ready = poll(&poll_entry, 1, 0);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) {
    if (thread_ == pid()) return ProcessFate::kRunning;
    // The pidfd tells of the whole process only; the thread's number may be another's by now.
    const auto thread = ReadStatAt(directory_.get(), "stat");
    return thread.ok() && !HasEnded(*thread) ? ProcessFate::kRunning : ProcessFate::kExited;
  }
  // It has exited; does its number already name another?
  const auto now = ReadStatAt(AT_FDCWD, pid_path_ + "/stat");
  return now.ok() && now->start_ticks != id_.start_ticks ? ProcessFate::kReplaced
                                                         : ProcessFate::kExited;
}

absl::StatusOr<std::vector<Mapping>> ProcessHandle::ReadMaps() const {
  const auto mountinfo = ReadFileAt(directory_.get(), "mountinfo", kMaxMountinfoBytes);
  // A process that is exiting loses its memory, then its mounts (EINVAL), and only then do others
  // see that it has exited.
  const auto gone =
      absl::NotFoundError(absl::StrCat("process ", pid(), ": has no memory (any more)"));
  if (absl::IsInvalidArgument(mountinfo.status())) return gone;
  if (!mountinfo.ok() && !absl::IsNotFound(mountinfo.status())) return mountinfo.status();
  NL_ASSIGN_OR_RETURN(MemoryFileSystems file_systems, ParseMountinfo(mountinfo.value_or("")));
  file_systems.hugetlbfs.insert(InternalHugetlbDevices().begin(), InternalHugetlbDevices().end());
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFileAt(directory_.get(), "maps", kMaxMapsBytes));
  if (text.empty()) return gone;
  return ParseMaps(text, file_systems);
}

absl::StatusOr<NodeSet> ProcessHandle::ReadAllowedNodes() const {
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFileAt(directory_.get(), "status"));
  NL_ASSIGN_OR_RETURN(const std::string list, ParseMemsAllowed(text));
  return NodeSet::Parse(list);
}

absl::StatusOr<std::string> ProcessHandle::ReadCgroup() const {
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFileAt(directory_.get(), "cgroup"));
  return ParseProcessCgroup(text);
}

absl::StatusOr<ScopedFd> ProcessHandle::OpenPagemap() const {
  ScopedFd fd(openat(directory_.get(), "pagemap", O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, absl::StrCat("open pagemap of process ", pid()));
  return fd;
}

absl::StatusOr<ProcessThreads> ReadThreads(KernelCalls& kernel, const HostPaths& paths, pid_t pid) {
  NL_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries,
                      ListDirectory(AT_FDCWD, ProcessPath(paths, pid) + "/task"));
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

absl::StatusOr<ProcessStat> ReadStat(const HostPaths& paths, pid_t pid) {
  return ReadStatAt(AT_FDCWD, ProcessPath(paths, pid) + "/stat");
}

}  // namespace numalocality
