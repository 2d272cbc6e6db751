#include "agent/os/base/peer_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/os/base/unix_socket.h"

namespace numalocality {
namespace {

// Debian 12's headers do not have it.
constexpr int kPeerPidFd = 77;  // SO_PEERPIDFD
// Clients that wait for accept. Others wait in connect(2), or get EAGAIN if they do not block.
constexpr int kPeerBacklog = 64;

}  // namespace

absl::StatusOr<ScopedFd> ListenForAll(const std::string& path) {
  NL_RETURN_IF_ERROR(PrepareSocketPath(path, SocketReach::kAll));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ScopedFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const std::string what = absl::StrCat("socket ", path);
  if (!fd.valid() ||
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      chmod(path.c_str(), 0666) != 0 || listen(fd.get(), kPeerBacklog) != 0) {
    return ErrnoStatus(errno, what);
  }
  return fd;
}

absl::StatusOr<Peer> PeerOf(int connection_fd) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (getsockopt(connection_fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return ErrnoStatus(errno, "credentials of a connection");
  }
  Peer peer;
  peer.pid = credentials.pid;
  int pidfd = -1;
  size = sizeof(pidfd);
  if (getsockopt(connection_fd, SOL_SOCKET, kPeerPidFd, &pidfd, &size) == 0) {
    peer.pidfd = ScopedFd(pidfd);
  } else if (errno != ENOPROTOOPT) {
    return absl::UnavailableError("the process that connected has exited");
  }
  return peer;
}

bool HasExited(const Peer& peer) {
  if (!peer.pidfd.valid()) return false;
  pollfd polled{peer.pidfd.get(), POLLIN, 0};
  return poll(&polled, 1, 0) != 0;
}

}  // namespace numalocality
