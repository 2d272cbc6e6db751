#include "agent/os/process/process_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"

namespace numalocality {
namespace {

// The host's PID namespace: PROC_PID_INIT_INO of linux/proc_ns.h, the same on every machine.
constexpr absl::string_view kHostPidNamespace = "pid:[4026531836]";

std::string LinkTarget(const std::string& path) {
  std::string target(64, '\0');
  const ssize_t size = readlink(path.c_str(), target.data(), target.size());
  target.resize(size < 0 ? 0 : static_cast<size_t>(size));
  return target;
}

absl::StatusOr<ProcessStat> ReadStatIn(const std::string& directory) {
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFile(directory + "/stat"));
  return ParseStat(text);
}

// The device of the kernel's internal tmpfs, found from an empty memfd.
absl::StatusOr<DeviceId> InternalShmemDevice() {
  const ScopedFd fd(memfd_create("probe", MFD_CLOEXEC));
  struct stat status {};
  if (!fd.valid() || fstat(fd.get(), &status) != 0) return ErrnoStatus(errno, "memfd_create");
  return DeviceId{major(status.st_dev), minor(status.st_dev)};
}

// Appends the next part of the file to `text`. False at the end of the file.
absl::StatusOr<bool> ReadMore(int fd, const std::string& path, std::string& text) {
  char chunk[8192];  // procfs returns at most a page per read
  ssize_t got = 0;
  do {
    got = read(fd, chunk, sizeof(chunk));
  } while (got < 0 && errno == EINTR);
  if (got < 0) return ErrnoStatus(errno, "read " + path);
  text.append(chunk, static_cast<size_t>(got));
  return got > 0;
}

}  // namespace

absl::StatusOr<std::vector<pid_t>> ListAllProcesses(const Host& host) {
  if (LinkTarget(host.proc + "/self/ns/pid") != kHostPidNamespace) {
    return absl::FailedPreconditionError(
        "processes outside this PID namespace are not visible (a pod needs hostPID: true)");
  }
  NL_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries,
                      ListDirectory(AT_FDCWD, host.proc));
  std::vector<pid_t> pids;
  for (const DirectoryEntry& entry : entries) {
    pid_t pid = 0;
    if (absl::SimpleAtoi(entry.name, &pid)) pids.push_back(pid);
  }
  // With hidepid, a reader that sees process 1 sees all processes.
  if (std::find(pids.begin(), pids.end(), 1) == pids.end()) {
    return absl::FailedPreconditionError(absl::StrCat(
        host.proc,
        " hides other users' processes (hidepid); the agent needs CAP_SYS_PTRACE to see them"));
  }
  return pids;
}

absl::StatusOr<ProcessMemory> ProcessMemory::Open(const Host& host, pid_t pid) {
  std::string directory = absl::StrCat(host.proc, "/", pid);
  NL_ASSIGN_OR_RETURN(ProcessStat stat, ReadStatIn(directory));
  if (stat.code_start == 0 && stat.thread_count > 1) {
    const std::string tasks = directory + "/task";
    NL_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> threads, ListDirectory(AT_FDCWD, tasks));
    for (const DirectoryEntry& thread : threads) {
      const auto found = ReadStatIn(tasks + "/" + thread.name);
      if (!found.ok() || found->code_start == 0) continue;
      directory = tasks + "/" + thread.name;
      stat = *found;
      break;
    }
  }
  // The kernel shows a code start of 0 if there is no memory, and a stack start of 0 to readers
  // without permission.
  if (stat.code_start == 0)
    return absl::NotFoundError(absl::StrCat("process ", pid, ": has no memory"));
  if (stat.stack_start == 0) {
    return absl::PermissionDeniedError(absl::StrCat(
        "process ", pid, ": reading its memory map is not permitted; it needs CAP_SYS_PTRACE"));
  }
  return ProcessMemory(std::move(directory), stat.stack_start);
}

absl::Status ProcessMemory::VisitMappings(absl::FunctionRef<void(const Mapping&)> visit) const {
  const std::string path = directory_ + "/maps";
  const ScopedFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, "open " + path);
  std::string text;
  while (true) {
    NL_ASSIGN_OR_RETURN(const bool has_more, ReadMore(fd.get(), path, text));
    if (!has_more) return absl::OkStatus();
    const size_t whole_lines = text.rfind('\n') + 1;  // 0 if there is no line feed
    NL_ASSIGN_OR_RETURN(const std::vector<Mapping> mappings,
                        ParseMaps(absl::string_view(text).substr(0, whole_lines), {}));
    for (const Mapping& mapping : mappings) visit(mapping);
    text.erase(0, whole_lines);
  }
}

absl::StatusOr<std::set<DeviceId>> ProcessMemory::ReadShmemDevices() const {
  constexpr size_t kMaxBytes = size_t{64} << 20;  // 100,000 mounts (fs.mount-max)
  const auto text = ReadFile(directory_ + "/mountinfo", kMaxBytes);
  // EINVAL: the process is exiting and has already lost its mounts.
  if (absl::IsInvalidArgument(text.status())) return absl::NotFoundError(text.status().message());
  if (!text.ok()) return text.status();
  NL_ASSIGN_OR_RETURN(MemoryFileSystems mounted, ParseMountinfo(*text));
  NL_ASSIGN_OR_RETURN(const DeviceId internal, InternalShmemDevice());
  mounted.tmpfs.insert(internal);
  return mounted.tmpfs;
}

}  // namespace numalocality
