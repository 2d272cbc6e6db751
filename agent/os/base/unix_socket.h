// Prepares the path of a unix socket that only its owner, or a group too, can reach (unix(7)).
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
// absent directory is created and an empty one is changed), or with kGroup 0750 and with kAll 0755,
// and nothing is at `path` (the socket of a server that has exited is removed). FAILED_PRECONDITION
// if a server listens at `path`, another file is there, or the directory is open to other users
// (with kAll, writable by them); INVALID_ARGUMENT if the path is relative or too long; otherwise as
// ErrnoStatus maps errno.
absl::Status PrepareSocketPath(const std::string& path, SocketReach reach = SocketReach::kOwner);

// After bind(2): lets the group of the socket's directory connect. PERMISSION_DENIED if this
// process is not in that group.
absl::Status OpenToGroup(const std::string& path);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_BASE_UNIX_SOCKET_H_
