#include "agent/os/base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"

namespace numalocality {
namespace {

absl::StatusOr<ScopedFd> OpenAt(int directory_fd, const std::string& name, int flags) {
  ScopedFd fd(openat(directory_fd, name.c_str(), flags | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, absl::StrCat("open ", name));
  return fd;
}

}  // namespace

ScopedFd& ScopedFd::operator=(ScopedFd&& other) noexcept {
  if (this != &other) {
    Reset();
    fd_ = other.Release();
  }
  return *this;
}

int ScopedFd::Release() { return std::exchange(fd_, -1); }

void ScopedFd::Reset() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

absl::StatusOr<ScopedFd> OpenDirectory(const std::string& path) {
  return OpenDirectoryAt(AT_FDCWD, path);
}

absl::StatusOr<ScopedFd> OpenDirectoryAt(int directory_fd, const std::string& name) {
  return OpenAt(directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  return ReadFileAt(AT_FDCWD, path, max_bytes);
}

absl::StatusOr<std::string> ReadFileAt(int directory_fd, const std::string& name,
                                       size_t max_bytes) {
  NL_ASSIGN_OR_RETURN(const ScopedFd fd, OpenAt(directory_fd, name, O_RDONLY));
  // Only a read of 0 bytes proves the end of the file: procfs may return one short record per read.
  constexpr size_t kChunk = 16384;
  std::string content;
  while (true) {
    const size_t before = content.size();
    content.resize(before + kChunk);
    const ssize_t got = read(fd.get(), content.data() + before, kChunk);
    if (got < 0 && errno == EINTR) {
      content.resize(before);
      continue;
    }
    if (got < 0) return ErrnoStatus(errno, absl::StrCat("read ", name));
    content.resize(before + static_cast<size_t>(got));
    if (content.size() > max_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("read ", name, ": larger than ", max_bytes, " bytes"));
    }
    if (got == 0) return content;
  }
}

absl::StatusOr<std::string> ReadFileAt(int directory_fd, const std::string& name,
                                       ReadBudget& budget) {
  std::string content;
  NL_RETURN_IF_ERROR(VisitFileAt(directory_fd, name, budget, [&](absl::string_view part) {
    content.append(part.data(), part.size());
    return true;
  }));
  return content;
}

absl::Status VisitFileAt(int directory_fd, const std::string& name, ReadBudget& budget,
                         absl::FunctionRef<bool(absl::string_view part)> visit) {
  NL_ASSIGN_OR_RETURN(const ScopedFd fd, OpenAt(directory_fd, name, O_RDONLY));
  char buffer[16384];
  while (true) {
    const ssize_t got = read(fd.get(), buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(errno, absl::StrCat("read ", name));
    if (got == 0) return absl::OkStatus();
    NL_RETURN_IF_ERROR(budget.Take(name, got));
    if (!visit({buffer, static_cast<size_t>(got)})) return absl::OkStatus();
  }
}

absl::Status VisitLineHeadsAt(int directory_fd, const std::string& name, size_t head_bytes,
                              ReadBudget& budget,
                              absl::FunctionRef<bool(absl::string_view head)> visit) {
  std::string head;
  bool has_line = false;
  NL_RETURN_IF_ERROR(VisitFileAt(directory_fd, name, budget, [&](absl::string_view part) {
    while (!part.empty()) {
      const size_t end = part.find('\n');
      const absl::string_view line = part.substr(0, end);
      const size_t kept = std::min(line.size(), head_bytes - head.size());
      head.append(line.data(), kept);
      has_line = true;
      if (end == absl::string_view::npos) return true;
      has_line = false;
      if (!visit(head)) return false;
      head.clear();
      part.remove_prefix(end + 1);
    }
    return true;
  }));
  if (has_line) visit(head);
  return absl::OkStatus();
}

absl::Status WriteFile(const std::string& path, absl::string_view text) {
  return WriteFileAt(AT_FDCWD, path, text);
}

absl::Status WriteFileAt(int directory_fd, const std::string& name, absl::string_view text) {
  NL_ASSIGN_OR_RETURN(const ScopedFd fd, OpenAt(directory_fd, name, O_WRONLY | O_TRUNC));
  const ssize_t written = write(fd.get(), text.data(), text.size());
  if (written < 0) return ErrnoStatus(errno, absl::StrCat("write ", name));
  if (static_cast<size_t>(written) == text.size()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("write ", name, ": the kernel accepted only a part"));
}

absl::Status ReplaceFile(const std::string& path, absl::string_view content, mode_t mode) {
  const std::string draft = path + ".new";
  {
    // Removes the rest of an interrupted attempt. O_EXCL below then follows no link that another
    // process has put there.
    unlink(draft.c_str());
    const ScopedFd fd(open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!fd.valid()) return ErrnoStatus(errno, "create " + draft);
    // Sets the mode regardless of the umask.
    if (fchmod(fd.get(), mode) != 0) return ErrnoStatus(errno, "set the mode of " + draft);
    while (!content.empty()) {
      const ssize_t written = write(fd.get(), content.data(), content.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return ErrnoStatus(errno, "write " + draft);
      content.remove_prefix(static_cast<size_t>(written));
    }
    // Without this, the file may be empty after a crash of the machine.
    if (fsync(fd.get()) != 0) return ErrnoStatus(errno, "sync " + draft);
  }
  if (rename(draft.c_str(), path.c_str()) == 0) return absl::OkStatus();
  const absl::Status status = ErrnoStatus(errno, "rename " + draft + " to " + path);
  unlink(draft.c_str());
  return status;
}

absl::StatusOr<std::vector<DirectoryEntry>> ListDirectory(int directory_fd,
                                                          const std::string& name) {
  ReadBudget budget;
  return ListDirectory(directory_fd, name, budget);
}

absl::StatusOr<std::vector<DirectoryEntry>> ListDirectory(int directory_fd, const std::string& name,
                                                          ReadBudget& budget) {
  NL_ASSIGN_OR_RETURN(const ScopedFd fd, OpenDirectoryAt(directory_fd, name));
  std::vector<DirectoryEntry> entries;
  // Calls getdents64 directly, because opendir takes two more system calls.
  alignas(dirent64) char buffer[32768];
  while (true) {
    const ssize_t got = getdents64(fd.get(), buffer, sizeof(buffer));
    if (got < 0) return ErrnoStatus(errno, absl::StrCat("list ", name));
    if (got == 0) return entries;
    NL_RETURN_IF_ERROR(budget.Take(name, got));
    for (ssize_t offset = 0; offset < got;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer + offset);
      offset += entry->d_reclen;
      const absl::string_view entry_name(entry->d_name);
      if (entry_name == "." || entry_name == "..") continue;
      entries.push_back({std::string(entry_name), entry->d_type == DT_DIR});
    }
  }
}

absl::StatusOr<uid_t> OwnerOf(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return ErrnoStatus(errno, "fstat");
  return status.st_uid;
}

absl::StatusOr<uint64_t> InodeOf(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return ErrnoStatus(errno, "fstat");
  return status.st_ino;
}

absl::StatusOr<FileVersion> FileVersionAt(const std::string& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return ErrnoStatus(errno, path);
  return FileVersion{status.st_dev, status.st_ino,
                     int64_t{status.st_ctim.tv_sec} * 1'000'000'000 + status.st_ctim.tv_nsec};
}

}  // namespace numalocality
