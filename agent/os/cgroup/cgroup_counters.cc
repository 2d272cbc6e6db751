#include "agent/os/cgroup/cgroup_counters.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/os/cgroup/parse_cgroup.h"

namespace numalocality {
namespace {

// The same limit as for lists of processes in CgroupDir.
constexpr size_t kMaxBytes = size_t{4} << 20;
// A read of a list stops if the next line does not fit into the kernel's page. A read that returned
// less than half of the smallest page was therefore the last.
constexpr ssize_t kSurelyLast = 2048;
constexpr int kOpenFlags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW;

// Adds the file to `files` if it exists.
absl::Status AddFile(int directory, const std::string& name, FileShape shape,
                     std::vector<KeptFile>& files) {
  ScopedFd fd(openat(directory, name.c_str(), kOpenFlags));
  if (fd.valid()) {
    files.emplace_back(std::move(fd), name, shape);
    return absl::OkStatus();
  }
  return errno == ENOENT ? absl::OkStatus() : ErrnoStatus(errno, absl::StrCat("open ", name));
}

}  // namespace

absl::StatusOr<bool> KeptFile::Refresh() {
  // One buffer for each thread: most files are unchanged, and then no memory is allocated.
  thread_local std::string buffer(16384, '\0');
  size_t size = 0;
  while (true) {
    const ssize_t got =
        pread(fd_.get(), buffer.data() + size, buffer.size() - size, static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(errno, absl::StrCat("read ", name_));
    size += static_cast<size_t>(got);
    const bool has_room = size < buffer.size();
    if (has_room && (shape_ == FileShape::kOneRecord || got < kSurelyLast)) break;
    if (has_room) continue;
    if (size >= kMaxBytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("read ", name_, ": larger than ", kMaxBytes, " bytes"));
    }
    buffer.resize(buffer.size() * 2);
  }
  const absl::string_view now(buffer.data(), size);
  if (now == text_) return false;
  text_.assign(now.data(), now.size());
  return true;
}

absl::Status KeptFile::Reopen(int directory_fd) {
  ScopedFd fd(openat(directory_fd, name_.c_str(), kOpenFlags));
  if (!fd.valid()) return ErrnoStatus(errno, absl::StrCat("open ", name_));
  fd_ = std::move(fd);
  return absl::OkStatus();
}

absl::StatusOr<CgroupCounters> CgroupCounters::Open(const Host& host, const std::string& path) {
  NL_ASSIGN_OR_RETURN(CgroupLayout layout, FindCgroupLayout(host));
  NL_ASSIGN_OR_RETURN(ScopedFd directory, OpenDirectory(layout.memory + path));
  CgroupCounters counters(std::move(layout), path, std::move(directory));
  NL_ASSIGN_OR_RETURN(counters.id_, InodeOf(counters.directory_.get()));
  NL_RETURN_IF_ERROR(counters.OpenFiles());
  return counters;
}

absl::Status CgroupCounters::OpenFiles() {
  const int directory = directory_.get();
  NL_RETURN_IF_ERROR(AddFile(directory, layout_.threads, FileShape::kLines, thread_files_));
  NL_RETURN_IF_ERROR(AddFile(directory, "memory.numa_stat", FileShape::kOneRecord, memory_files_));
  return memory_files_.empty() ? absl::OkStatus() : OpenHugetlbFiles();
}

absl::Status CgroupCounters::OpenHugetlbFiles() {
  const auto directory = OpenDirectory(layout_.hugetlb + path_);
  if (absl::IsNotFound(directory.status())) return absl::OkStatus();
  NL_RETURN_IF_ERROR(directory.status());
  NL_ASSIGN_OR_RETURN(const auto names, ListHugetlbNumaStats(directory->get()));
  for (const std::string& name : names) {
    NL_RETURN_IF_ERROR(AddFile(directory->get(), name, FileShape::kOneRecord, memory_files_));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> CgroupCounters::RefreshCounters() {
  NL_ASSIGN_OR_RETURN(const bool memory, RefreshMemory());
  NL_ASSIGN_OR_RETURN(const bool nodes, RefreshNodes());
  return memory || nodes;
}

absl::StatusOr<bool> CgroupCounters::Refresh() {
  NL_ASSIGN_OR_RETURN(const bool counters, RefreshCounters());
  NL_ASSIGN_OR_RETURN(const bool threads, RefreshThreads());
  return counters || threads;
}

absl::StatusOr<bool> CgroupCounters::RefreshMemory() {
  bool changed = false;
  for (KeptFile& file : memory_files_) {
    NL_ASSIGN_OR_RETURN(const bool differs, file.Refresh());
    changed = changed || differs;
  }
  if (!changed) return false;
  memory_.nodes.clear();
  for (const KeptFile& file : memory_files_) {
    const bool is_huge = &file != &memory_files_.front();
    NL_ASSIGN_OR_RETURN(const MemoryByNode memory, is_huge ? ParseHugetlbNumaStat(file.text())
                                                           : layout_.ParseMemory(file.text()));
    memory_.Add(memory);
  }
  return true;
}

absl::StatusOr<bool> CgroupCounters::RefreshNodes() {
  // On v1 a cgroup is created in one tree after the other, so a missing file may appear later.
  if (node_files_.empty()) {
    NL_RETURN_IF_ERROR(AddFile(AT_FDCWD,
                               absl::StrCat(layout_.cpuset, path_, "/", layout_.effective_nodes),
                               FileShape::kOneRecord, node_files_));
  }
  if (node_files_.empty()) return false;
  NL_ASSIGN_OR_RETURN(const bool differs, node_files_.front().Refresh());
  if (!differs) return false;
  NL_ASSIGN_OR_RETURN(allowed_nodes_, NodeSet::Parse(node_files_.front().text()));
  return true;
}

absl::StatusOr<bool> CgroupCounters::RefreshThreads() {
  if (thread_files_.empty()) return false;
  if (layout_.lists_grow_old) {
    NL_RETURN_IF_ERROR(thread_files_.front().Reopen(directory_.get()));
  }
  NL_ASSIGN_OR_RETURN(const bool differs, thread_files_.front().Refresh());
  if (!differs) return false;
  NL_ASSIGN_OR_RETURN(thread_ids_, ParseCgroupProcs(thread_files_.front().text(), hidden_count_));
  // The processes change only if the threads do, so they are read only then.
  NL_ASSIGN_OR_RETURN(const std::string text,
                      ReadFileAt(directory_.get(), "cgroup.procs", kMaxBytes));
  int hidden = 0;
  NL_ASSIGN_OR_RETURN(const std::vector<pid_t> processes, ParseCgroupProcs(text, hidden));
  process_count_ = static_cast<int>(processes.size());
  return true;
}

absl::StatusOr<bool> CgroupCounters::HasChildren() const {
  struct stat status {};
  if (fstat(directory_.get(), &status) != 0) return ErrnoStatus(errno, "fstat cgroup");
  // kernfs counts two links for a directory and one for each child.
  return status.st_nlink > 2;
}

}  // namespace numalocality
