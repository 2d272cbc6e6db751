#include "agent/os/base/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"

namespace numalocality {
namespace {

// Makes the directory that the group of the socket shares, or closes it to others: kubelet creates
// the directory of an emptyDir volume with mode 02777.
absl::Status OpenToGroupOnly(const std::string& directory) {
  if (mkdir(directory.c_str(), 0750) != 0 && errno != EEXIST) {
    return ErrnoStatus(errno, absl::StrCat("create socket directory ", directory));
  }
  NL_ASSIGN_OR_RETURN(const ScopedFd fd, OpenDirectory(directory));
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) {
    return ErrnoStatus(errno, absl::StrCat("socket directory ", directory));
  }
  const mode_t mode = 0750 | (status.st_mode & S_ISGID);
  if ((status.st_mode & 07777) == mode || fchmod(fd.get(), mode) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("socket directory ", directory, ": set mode 0750"));
}

// Creates the directory if it does not exist. Sets the mode of an empty one, because kubelet
// creates the directory of a hostPath volume with mode 0755. Does not change other directories,
// such as /run.
absl::Status CloseToOthers(const std::string& directory) {
  if (mkdir(directory.c_str(), 0700) == 0) return absl::OkStatus();
  if (errno == EROFS || errno == ENOENT) {
    return absl::FailedPreconditionError(
        absl::StrCat("create socket directory ", directory, ": ", strerror(errno),
                     "; mount a writable directory there, or choose another path with --socket"));
  }
  if (errno != EEXIST)
    return ErrnoStatus(errno, absl::StrCat("create socket directory ", directory));
  NL_ASSIGN_OR_RETURN(const ScopedFd fd, OpenDirectory(directory));
  NL_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, ListDirectory(fd.get(), "."));
  if (!entries.empty() || fchmod(fd.get(), 0700) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("socket directory ", directory, ": set mode 0700"));
}

// Makes the directory of a socket for all. Like CloseToOthers, changes the mode of an empty one
// only.
absl::Status OpenToAll(const std::string& directory) {
  const std::string what = absl::StrCat("socket directory ", directory);
  if (mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) return ErrnoStatus(errno, what);
  NL_ASSIGN_OR_RETURN(const ScopedFd fd, OpenDirectory(directory));
  NL_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, ListDirectory(fd.get(), "."));
  if (entries.empty() && fchmod(fd.get(), 0755) != 0) {
    return ErrnoStatus(errno, absl::StrCat(what, ": set mode 0755"));
  }
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return ErrnoStatus(errno, what);
  if (status.st_uid == geteuid() && (status.st_mode & 0777) == 0755) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      what,
      ": must be a directory of this user with mode 0755, so that pods can connect and nobody "
      "else can replace the socket; choose another with self.socket in the configuration"));
}

absl::Status CheckDirectory(const std::string& directory) {
  struct stat status {};
  if (lstat(directory.c_str(), &status) != 0) {
    return ErrnoStatus(errno, absl::StrCat("socket directory ", directory));
  }
  if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "socket directory ", directory,
        ": must be a directory of this user with mode 0700, because any client of the socket can "
        "move memory; choose another with --socket, which the agent creates with that mode"));
  }
  return absl::OkStatus();
}

// What sets the path of such a socket.
absl::string_view SettingOf(SocketReach reach) {
  switch (reach) {
    case SocketReach::kGroup: return "--front-socket";
    case SocketReach::kAll: return "self.socket in the configuration";
    case SocketReach::kOwner: break;
  }
  return "--socket or --viewer-socket";
}

// Whether a server accepts connections at `address`.
absl::StatusOr<bool> IsServed(const sockaddr_un& address) {
  const ScopedFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus(errno, "socket");
  return connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

}  // namespace

absl::Status PrepareSocketPath(const std::string& path, SocketReach reach) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const size_t slash = path.rfind('/');
  if (!absl::StartsWith(path, "/") || slash == 0 || path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "socket ", path, ": must be an absolute path of less than ", sizeof(address.sun_path),
        " characters, in a directory that contains nothing else"));
  }
  path.copy(address.sun_path, path.size());
  const std::string directory = path.substr(0, slash);
  if (reach == SocketReach::kGroup) {
    NL_RETURN_IF_ERROR(OpenToGroupOnly(directory));
  } else if (reach == SocketReach::kAll) {
    NL_RETURN_IF_ERROR(OpenToAll(directory));
  } else {
    NL_RETURN_IF_ERROR(CloseToOthers(directory));
    NL_RETURN_IF_ERROR(CheckDirectory(directory));
  }
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) {
    return errno == ENOENT ? absl::OkStatus() : ErrnoStatus(errno, absl::StrCat("socket ", path));
  }
  if (!S_ISSOCK(status.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "socket ", path,
        ": the path exists and is not a socket; remove it, or choose another path with ",
        SettingOf(reach)));
  }
  NL_ASSIGN_OR_RETURN(const bool served, IsServed(address));
  if (served) {
    return absl::FailedPreconditionError(absl::StrCat(
        "socket ", path, ": another agent listens there; stop it, or choose another path with ",
        SettingOf(reach)));
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, absl::StrCat("remove stale socket ", path));
  }
  return absl::OkStatus();
}

absl::Status OpenToGroup(const std::string& path) {
  const std::string directory = path.substr(0, path.rfind('/'));
  struct stat parent {};
  struct stat socket {};
  if (stat(directory.c_str(), &parent) != 0 || stat(path.c_str(), &socket) != 0) {
    return ErrnoStatus(errno, absl::StrCat("socket ", path));
  }
  if (socket.st_gid != parent.st_gid) {
    return absl::FailedPreconditionError(absl::StrCat(
        "socket ", path, ": belongs to group ", socket.st_gid, ", not to group ", parent.st_gid,
        " of its directory; set the directory's set-group-ID bit (chmod g+s), and add the group to "
        "the agent's"));
  }
  if (chmod(path.c_str(), 0660) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("socket ", path, ": set mode 0660"));
}

}  // namespace numalocality
