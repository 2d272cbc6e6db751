// The place of a unix socket that only its owner may reach (unix(7)).
#ifndef NUMALOCALITY_AGENT_OS_BASE_UNIX_SOCKET_H_
#define NUMALOCALITY_AGENT_OS_BASE_UNIX_SOCKET_H_

#include <string>

#include "absl/status/status.h"

namespace numalocality {

// Makes `path` ready to be bound: its directory exists, belongs to this user and is closed to all
// others (made so if it is not there, or is empty), and no live server listens at `path`; a socket
// that a dead one left behind is removed. FAILED_PRECONDITION, INVALID_ARGUMENT (relative or too
// long a path), or as ErrnoStatus has it.
absl::Status PrepareSocketPath(const std::string& path);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_BASE_UNIX_SOCKET_H_
