#include "agent/os/cgroup/cgroup_dir.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/base/status.h"
#include "agent/os/cgroup/parse_cgroup.h"

namespace numalocality {
namespace {

// About 500,000 PIDs, far more than any pod should have.
constexpr size_t kMaxProcsBytes = size_t{4} << 20;

// The kernel opens no longer paths (PATH_MAX), and a file's name must be added.
constexpr size_t kMaxPathBytes = 4096 - 64;

// A cgroup that is still to be read. Thousands of siblings have the path of their parent in common.
struct UnreadCgroup {
  std::shared_ptr<const std::string> parent;
  std::string name;
};

// Adds the processes of the cgroup at `path`, and its children to `unread`. A threaded cgroup does
// not list its processes (EOPNOTSUPP); its threaded domain, an ancestor, lists them.
absl::Status AddProcesses(int directory_fd, const std::string& path, ReadBudget& budget,
                          CgroupProcesses& processes, std::vector<UnreadCgroup>& unread) {
  const auto text = ReadFileAt(directory_fd, path + "/cgroup.procs", budget);
  if (text.ok()) {
    int hidden = 0;
    NL_ASSIGN_OR_RETURN(const std::vector<pid_t> pids, ParseCgroupProcs(*text, hidden));
    processes.pids.insert(processes.pids.end(), pids.begin(), pids.end());
    processes.hidden_count += hidden;
  } else if (!absl::IsUnimplemented(text.status())) {
    return text.status();
  }
  NL_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries,
                      ListDirectory(directory_fd, path, budget));
  const auto parent = std::make_shared<const std::string>(path);
  for (const DirectoryEntry& entry : entries) {
    if (!entry.is_directory) continue;
    if (path.size() + 1 + entry.name.size() > kMaxPathBytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("read cgroup.procs: the cgroups below this one nest deeper than paths of ",
                       kMaxPathBytes, " bytes, the limit"));
    }
    NL_RETURN_IF_ERROR(budget.Take(entry.name, static_cast<int64_t>(sizeof(UnreadCgroup))));
    unread.push_back({parent, entry.name});
  }
  return absl::OkStatus();
}

// Whether `path` is "/" or "/name/name...". In this form each cgroup has exactly one path.
bool IsPlainPath(absl::string_view path) {
  if (path == "/") return true;
  if (!absl::ConsumePrefix(&path, "/") || absl::StrContains(path, '\0')) return false;
  const std::vector<absl::string_view> names = absl::StrSplit(path, '/');
  return std::none_of(names.begin(), names.end(), [](absl::string_view name) {
    return name.empty() || name == "." || name == "..";
  });
}

}  // namespace

absl::StatusOr<CgroupDir> CgroupDir::Open(const Host& host, const std::string& path) {
  if (!IsPlainPath(path)) {
    return absl::InvalidArgumentError(
        absl::StrCat("cgroup path '", path,
                     "': must be relative to the cgroup root, such as /kubepods/pod1234"));
  }
  NL_ASSIGN_OR_RETURN(CgroupLayout layout, FindCgroupLayout(host));
  CgroupDir cgroup(std::move(layout), path);
  NL_ASSIGN_OR_RETURN(cgroup.memory_, cgroup.OpenIn(cgroup.layout_.memory));
  NL_ASSIGN_OR_RETURN(cgroup.id_, InodeOf(cgroup.memory_fd()));
  for (const auto& [root, directory] : {std::pair(&cgroup.layout_.cpuset, &cgroup.cpuset_),
                                        std::pair(&cgroup.layout_.hugetlb, &cgroup.hugetlb_)}) {
    auto opened = cgroup.OpenIn(*root);
    if (!opened.ok() && !absl::IsNotFound(opened.status())) return opened.status();
    if (opened.ok()) *directory = *std::move(opened);
  }
  return cgroup;
}

absl::StatusOr<CgroupDir::Directory> CgroupDir::OpenIn(const std::string& root) const {
  if (memory_ != nullptr && root == layout_.memory) return memory_;
  NL_ASSIGN_OR_RETURN(ScopedFd fd, OpenDirectory(root + path_));
  return std::make_shared<const ScopedFd>(std::move(fd));
}

absl::StatusOr<std::string> CgroupDir::ReadCpusetFile(const std::string& name) const {
  const auto directory = CpusetDirectory();
  if (!directory.ok()) return WithContext(directory.status(), absl::StrCat("read ", name));
  return ReadFileAt(*directory, name);
}

absl::StatusOr<bool> CgroupDir::Contains(pid_t pid) const {
  const auto text = ReadFileAt(memory_fd(), "cgroup.procs", kMaxProcsBytes);
  // A threaded cgroup lists no processes, and a removed one has none.
  if (absl::IsUnimplemented(text.status()) || absl::IsNotFound(text.status())) return false;
  if (!text.ok()) return text.status();
  int hidden = 0;
  NL_ASSIGN_OR_RETURN(const std::vector<pid_t> pids, ParseCgroupProcs(*text, hidden));
  return std::binary_search(pids.begin(), pids.end(), pid);
}

absl::StatusOr<CgroupProcesses> CgroupDir::ReadProcesses() const {
  ReadBudget budget;
  return ReadProcesses(budget);
}

absl::StatusOr<CgroupProcesses> CgroupDir::ReadProcesses(ReadBudget& budget) const {
  CgroupProcesses processes;
  NL_RETURN_IF_ERROR(budget.Take("cgroup.procs", 0));
  std::vector<UnreadCgroup> unread;
  NL_RETURN_IF_ERROR(AddProcesses(memory_fd(), ".", budget, processes, unread));
  while (!unread.empty()) {
    const std::string path = absl::StrCat(*unread.back().parent, "/", unread.back().name);
    unread.pop_back();
    const absl::Status status = AddProcesses(memory_fd(), path, budget, processes, unread);
    if (!status.ok() && !absl::IsNotFound(status)) return status;  // removed meanwhile
  }
  std::sort(processes.pids.begin(), processes.pids.end());
  processes.pids.erase(std::unique(processes.pids.begin(), processes.pids.end()),
                       processes.pids.end());
  return processes;
}

absl::StatusOr<CpuSet> CgroupDir::ReadEffectiveCpus() const {
  NL_ASSIGN_OR_RETURN(const std::string text, ReadCpusetFile(layout_.effective_cpus));
  return CpuSet::Parse(text);
}

absl::StatusOr<NodeSet> CgroupDir::ReadEffectiveNodes() const {
  NL_ASSIGN_OR_RETURN(const std::string text, ReadCpusetFile(layout_.effective_nodes));
  return NodeSet::Parse(text);
}

absl::StatusOr<NodeSet> CgroupDir::ReadNodes() const {
  NL_ASSIGN_OR_RETURN(const std::string text, ReadCpusetFile("cpuset.mems"));
  return NodeSet::Parse(text);
}

absl::StatusOr<int> CgroupDir::CpusetDirectory() const {
  if (cpuset_ != nullptr) return cpuset_->get();
  return absl::NotFoundError(
      absl::StrCat("cgroup ", path_, ": is not in the tree of the cpuset controller"));
}

absl::StatusOr<MemoryByNode> CgroupDir::ReadMemory() const {
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFileAt(memory_fd(), "memory.numa_stat"));
  NL_ASSIGN_OR_RETURN(MemoryByNode memory, layout_.ParseMemory(text));
  if (hugetlb_ == nullptr) return memory;
  NL_ASSIGN_OR_RETURN(const auto names, ListHugetlbNumaStats(hugetlb_->get()));
  for (const std::string& name : names) {
    NL_ASSIGN_OR_RETURN(const std::string huge_text, ReadFileAt(hugetlb_->get(), name));
    NL_ASSIGN_OR_RETURN(const MemoryByNode huge, ParseHugetlbNumaStat(huge_text));
    memory.Add(huge);
  }
  return memory;
}

absl::StatusOr<std::vector<std::string>> CgroupDir::ListChildren(ReadBudget& budget) const {
  NL_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries,
                      ListDirectory(memory_fd(), ".", budget));
  std::vector<std::string> names;
  for (const DirectoryEntry& entry : entries) {
    if (entry.is_directory) names.push_back(entry.name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace numalocality
