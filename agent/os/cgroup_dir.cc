#include "agent/os/cgroup_dir.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/base/status.h"
#include "agent/os/parse_cgroup.h"

namespace numalocality {
namespace {

// Some 500,000 PIDs, far more than a pod should ever have.
constexpr size_t kMaxProcsBytes = size_t{4} << 20;

// Adds the processes of the cgroup at `name` and of those below it. A threaded cgroup refuses to
// list its processes (EOPNOTSUPP); its domain, which lies above, lists them.
absl::Status AddProcesses(int directory_fd, const std::string& name, CgroupProcesses& processes) {
  const auto text = ReadFileAt(directory_fd, name + "/cgroup.procs", kMaxProcsBytes);
  if (text.ok()) {
    int hidden = 0;
    NL_ASSIGN_OR_RETURN(const std::vector<pid_t> pids, ParseCgroupProcs(*text, hidden));
    processes.pids.insert(processes.pids.end(), pids.begin(), pids.end());
    processes.hidden_count += hidden;
  } else if (!absl::IsUnimplemented(text.status())) {
    return text.status();
  }
  NL_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, ListDirectory(directory_fd, name));
  for (const DirectoryEntry& entry : entries) {
    if (!entry.is_directory) continue;
    const absl::Status status =
        AddProcesses(directory_fd, absl::StrCat(name, "/", entry.name), processes);
    if (!status.ok() && !absl::IsNotFound(status)) return status;  // removed meanwhile
  }
  return absl::OkStatus();
}

// Whether `path` is "/" or "/name/name...": written this way each cgroup has one path only.
bool IsPlainPath(absl::string_view path) {
  if (path == "/") return true;
  if (!absl::ConsumePrefix(&path, "/") || absl::StrContains(path, '\0')) return false;
  const std::vector<absl::string_view> names = absl::StrSplit(path, '/');
  return std::none_of(names.begin(), names.end(), [](absl::string_view name) {
    return name.empty() || name == "." || name == "..";
  });
}

}  // namespace

absl::Status CheckCgroupV2(const HostPaths& paths) {
  // Only cgroup v2 has this file, and has it in its root.
  const auto controllers = ReadFile(paths.cgroup + "/cgroup.controllers");
  if (!absl::IsNotFound(controllers.status())) return controllers.status();
  return absl::FailedPreconditionError(
      absl::StrCat(paths.cgroup, ": no cgroup v2 is mounted there; cgroup v1 is not supported"));
}

absl::StatusOr<CgroupDir> CgroupDir::Open(const HostPaths& paths, const std::string& path) {
  if (!IsPlainPath(path)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "cgroup path '", path, "': write it from the cgroup root, such as /kubepods/pod1234"));
  }
  NL_ASSIGN_OR_RETURN(ScopedFd fd, OpenDirectory(paths.cgroup + path));
  NL_ASSIGN_OR_RETURN(const uint64_t id, InodeOf(fd.get()));
  return CgroupDir(path, id, std::move(fd));
}

absl::StatusOr<CgroupProcesses> CgroupDir::ReadProcesses() const {
  CgroupProcesses processes;
  NL_RETURN_IF_ERROR(AddProcesses(fd_.get(), ".", processes));
  std::sort(processes.pids.begin(), processes.pids.end());
  processes.pids.erase(std::unique(processes.pids.begin(), processes.pids.end()),
                       processes.pids.end());
  return processes;
}

absl::StatusOr<CpuSet> CgroupDir::ReadEffectiveCpus() const {
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFileAt(fd_.get(), "cpuset.cpus.effective"));
  return CpuSet::Parse(text);
}

absl::StatusOr<NodeSet> CgroupDir::ReadEffectiveNodes() const {
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFileAt(fd_.get(), "cpuset.mems.effective"));
  return NodeSet::Parse(text);
}

absl::StatusOr<NodeSet> CgroupDir::ReadNodes() const {
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFileAt(fd_.get(), "cpuset.mems"));
  return NodeSet::Parse(text);
}

absl::Status CgroupDir::WriteNodes(const NodeSet& nodes) const {
  const std::string list = nodes.empty() ? "" : nodes.ToString();
  return WithContext(WriteFileAt(fd_.get(), "cpuset.mems", list + "\n"), "cgroup " + path_);
}

absl::StatusOr<MemoryByNode> CgroupDir::ReadMemory() const {
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFileAt(fd_.get(), "memory.numa_stat"));
  NL_ASSIGN_OR_RETURN(MemoryByNode memory, ParseNumaStat(text));
  NL_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, ListDirectory(fd_.get(), "."));
  for (const DirectoryEntry& entry : entries) {
    if (!absl::StartsWith(entry.name, "hugetlb.") || !absl::EndsWith(entry.name, ".numa_stat")) {
      continue;
    }
    NL_ASSIGN_OR_RETURN(const std::string huge_text, ReadFileAt(fd_.get(), entry.name));
    NL_ASSIGN_OR_RETURN(const MemoryByNode huge, ParseHugetlbNumaStat(huge_text));
    memory.Add(huge);
  }
  return memory;
}

absl::StatusOr<std::vector<std::string>> CgroupDir::ListChildren() const {
  NL_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, ListDirectory(fd_.get(), "."));
  std::vector<std::string> names;
  for (const DirectoryEntry& entry : entries) {
    if (entry.is_directory) names.push_back(entry.name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace numalocality
