#include "agent/os/process/process_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"
#include "agent/os/process/maps.h"

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

}  // namespace

absl::StatusOr<std::vector<pid_t>> ListAllProcesses(const Host& host, ReadBudget& budget) {
  if (LinkTarget(host.proc + "/self/ns/pid") != kHostPidNamespace) {
    return absl::FailedPreconditionError(
        "processes outside this PID namespace are not visible (a pod needs hostPID: true)");
  }
  NL_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries,
                      ListDirectory(AT_FDCWD, host.proc, budget));
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

absl::StatusOr<ProcessMemory> ProcessMemory::Open(KernelCalls& kernel, const Host& host, pid_t pid,
                                                  ReadBudget& budget) {
  std::string directory = absl::StrCat(host.proc, "/", pid);
  NL_RETURN_IF_ERROR(budget.Take(directory, 0));
  NL_ASSIGN_OR_RETURN(ProcessStat stat, ReadStatIn(directory));
  if (stat.code_start == 0 && stat.thread_count > 1) {
    const std::string tasks = directory + "/task";
    NL_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> threads,
                        ListDirectory(AT_FDCWD, tasks, budget));
    for (const DirectoryEntry& thread : threads) {
      NL_RETURN_IF_ERROR(budget.Take(tasks, 0));
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
  return ProcessMemory(kernel, std::move(directory), stat.stack_start);
}

absl::Status ProcessMemory::VisitMappings(ReadBudget& budget,
                                          absl::FunctionRef<void(const Mapping&)> visit) const {
  return VisitMaps(*kernel_, AT_FDCWD, directory_ + "/maps", {}, budget,
                   [&](const Mapping& mapping) {
                     visit(mapping);
                     return true;
                   });
}

absl::StatusOr<std::set<DeviceId>> ProcessMemory::ReadShmemDevices(ReadBudget& budget) const {
  NL_ASSIGN_OR_RETURN(MemoryFileSystems mounted,
                      ReadMemoryFileSystems(AT_FDCWD, directory_ + "/mountinfo", budget));
  return std::move(mounted.tmpfs);
}

}  // namespace numalocality
