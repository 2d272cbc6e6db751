// A unix socket that every user of the machine may connect to, and who has connected (unix(7)).
#ifndef NUMALOCALITY_AGENT_OS_BASE_PEER_SOCKET_H_
#define NUMALOCALITY_AGENT_OS_BASE_PEER_SOCKET_H_

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"
#include "agent/os/base/file.h"

namespace numalocality {

// Listens at `path`, non-blocking, with mode 0666, in a directory of this user with mode 0755.
// Creates the directory, but not its parent; removes the socket of a server that has exited. Keeps
// the directory, because containers may have it mounted. Errors as PrepareSocketPath.
absl::StatusOr<ScopedFd> ListenForAll(const std::string& path);

// The process that made a connection, as it was then.
struct Peer {
  pid_t pid = 0;   // in this process's PID namespace; 0 if it is not visible there
  ScopedFd pidfd;  // of it; invalid before Linux 6.5
};

// UNAVAILABLE if the process has exited and the kernel says so.
absl::StatusOr<Peer> PeerOf(int connection_fd);

// Whether the process has exited, so that its PID may name another one. False if that is not known.
bool HasExited(const Peer& peer);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_BASE_PEER_SOCKET_H_
