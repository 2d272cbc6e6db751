// Reads and writes files and directories of procfs, sysfs and cgroupfs. Files are read as a whole
// up to a limit, or part by part. The *At functions take a directory descriptor, for paths that may
// be reused meanwhile.
#ifndef NUMALOCALITY_AGENT_OS_BASE_FILE_H_
#define NUMALOCALITY_AGENT_OS_BASE_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/os/base/read_budget.h"

namespace numalocality {

// Owns a file descriptor. Movable.
class ScopedFd {
 public:
  ScopedFd() = default;
  explicit ScopedFd(int fd) : fd_(fd) {}
  ~ScopedFd() { Reset(); }
  ScopedFd(ScopedFd&& other) noexcept : fd_(other.Release()) {}
  ScopedFd& operator=(ScopedFd&& other) noexcept;

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Release();
  void Reset();

 private:
  int fd_ = -1;
};

// The default limit. Callers that read larger files pass their own.
inline constexpr size_t kMaxFileBytes = size_t{1} << 20;

// Opens a directory. Does not follow a symbolic link in the last component. NOT_FOUND,
// PERMISSION_DENIED, or as ErrnoStatus maps errno.
absl::StatusOr<ScopedFd> OpenDirectory(const std::string& path);
absl::StatusOr<ScopedFd> OpenDirectoryAt(int directory_fd, const std::string& name);

// Reads the whole content of a file; four system calls for a small file. RESOURCE_EXHAUSTED above
// `max_bytes`. NOT_FOUND also if the process or cgroup that the file describes went away while the
// file was open (ENODEV, ESRCH).
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes = kMaxFileBytes);
absl::StatusOr<std::string> ReadFileAt(int directory_fd, const std::string& name,
                                       size_t max_bytes = kMaxFileBytes);
// The same within a budget, for files that a workload can make large.
absl::StatusOr<std::string> ReadFileAt(int directory_fd, const std::string& name,
                                       ReadBudget& budget);

// Passes the content of a file to `visit` part by part, until it returns false. Keeps nothing, so
// it needs the same memory for any size. Errors as above.
absl::Status VisitFileAt(int directory_fd, const std::string& name, ReadBudget& budget,
                         absl::FunctionRef<bool(absl::string_view part)> visit);
// The same line by line. Of each line, only the first `head_bytes` are kept and passed, without the
// line feed.
absl::Status VisitLineHeadsAt(int directory_fd, const std::string& name, size_t head_bytes,
                              ReadBudget& budget,
                              absl::FunctionRef<bool(absl::string_view head)> visit);

// Writes `text` to an existing file in one write(2), as the kernel's files require.
absl::Status WriteFile(const std::string& path, absl::string_view text);
absl::Status WriteFileAt(int directory_fd, const std::string& name, absl::string_view text);

// Creates the file at `path` or replaces it atomically: readers see the whole old or the whole new
// content. `mode` is its permissions.
absl::Status ReplaceFile(const std::string& path, absl::string_view content, mode_t mode = 0600);

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
};

// Lists a directory without "." and "..", in no order. Takes four system calls for a small one.
// RESOURCE_EXHAUSTED if the directory exceeds the budget; without one, kRequestLimits.
absl::StatusOr<std::vector<DirectoryEntry>> ListDirectory(int directory_fd,
                                                          const std::string& name);
absl::StatusOr<std::vector<DirectoryEntry>> ListDirectory(int directory_fd, const std::string& name,
                                                          ReadBudget& budget);

// The user who owns an open file.
absl::StatusOr<uid_t> OwnerOf(int fd);

// The inode number of an open file. In cgroupfs it is the kernel's id of the cgroup.
absl::StatusOr<uint64_t> InodeOf(int fd);

// Which file is at a path: a file that is created again has another version.
struct FileVersion {
  uint64_t device = 0;
  uint64_t inode = 0;       // may be used again at once
  int64_t change_time = 0;  // in nanoseconds since 1970
  bool operator==(const FileVersion&) const = default;
};

// Does not follow a symbolic link. NOT_FOUND if nothing is at `path`.
absl::StatusOr<FileVersion> FileVersionAt(const std::string& path);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_BASE_FILE_H_
