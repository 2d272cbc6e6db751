// Files and directories of procfs, sysfs and cgroupfs: read whole, with a bound, relative to a
// directory descriptor where the path could come to mean something else.
#ifndef NUMALOCALITY_AGENT_OS_BASE_FILE_H_
#define NUMALOCALITY_AGENT_OS_BASE_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

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

// Enough for every file read this way except those named at their call.
inline constexpr size_t kMaxFileBytes = size_t{1} << 20;

// Opens a directory; a symbolic link in the last component is not followed. NOT_FOUND,
// PERMISSION_DENIED, or as ErrnoStatus has it.
absl::StatusOr<ScopedFd> OpenDirectory(const std::string& path);
absl::StatusOr<ScopedFd> OpenDirectoryAt(int directory_fd, const std::string& name);

// The whole content of a file; four system calls for a small one. RESOURCE_EXHAUSTED above
// `max_bytes`; NOT_FOUND also when what the file describes went away while it was open (ENODEV,
// ESRCH).
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes = kMaxFileBytes);
absl::StatusOr<std::string> ReadFileAt(int directory_fd, const std::string& name,
                                       size_t max_bytes = kMaxFileBytes);

// Gives `text` to a file that is there, in one write, as the kernel's own files want it.
absl::Status WriteFile(const std::string& path, absl::string_view text);
absl::Status WriteFileAt(int directory_fd, const std::string& name, absl::string_view text);

// Puts a file with this content in the place of what is at `path`, if anything: who reads it sees
// all of the one or of the other. `mode`: its permissions.
absl::Status ReplaceFile(const std::string& path, absl::string_view content, mode_t mode = 0600);

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
};

// The entries of a directory but "." and "..", in no order. Four system calls for a small one.
absl::StatusOr<std::vector<DirectoryEntry>> ListDirectory(int directory_fd,
                                                          const std::string& name);

// The inode number of an open file: for cgroupfs, the kernel's id of the cgroup.
absl::StatusOr<uint64_t> InodeOf(int fd);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_BASE_FILE_H_
