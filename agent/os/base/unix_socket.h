// Prepares the path of a unix socket, by who may reach it (unix(7)).
#ifndef NUMALOCALITY_AGENT_OS_BASE_UNIX_SOCKET_H_
#define NUMALOCALITY_AGENT_OS_BASE_UNIX_SOCKET_H_

#include <string>

#include "absl/status/status.h"

namespace numalocality {

// Who may connect.
enum class SocketReach {
  kOwner,  // this user
  kGroup,  // also the group of the socket's directory
  kAll,    // every user; see ListenForAll
};

// Prepares `path` for bind(2). Afterwards its directory belongs to this user, has mode 0700 (an
// absent directory is created and an empty one is changed), and nothing is at `path` (the socket of
// a server that has exited is removed). With kGroup, the mode is 0750, and the set-group-ID bit
// stays; with kAll it is 0755. FAILED_PRECONDITION if a server listens at `path`, another file is
// there, or the directory is open to other users (with kAll, of another user or writable by
// others); INVALID_ARGUMENT if the path is relative or too long; otherwise as ErrnoStatus maps
// errno.
absl::Status PrepareSocketPath(const std::string& path, SocketReach reach = SocketReach::kOwner);

// After bind(2): lets the group of the socket's directory connect. FAILED_PRECONDITION if the
// socket belongs to another group.
absl::Status OpenToGroup(const std::string& path);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_BASE_UNIX_SOCKET_H_
