// A listening TCP socket (tcp(7), ipv6(7)).
#ifndef NUMALOCALITY_AGENT_OS_BASE_TCP_LISTENER_H_
#define NUMALOCALITY_AGENT_OS_BASE_TCP_LISTENER_H_

#include "absl/status/statusor.h"
#include "agent/model/configuration.h"
#include "agent/os/base/file.h"

namespace numalocality {

struct TcpListener {
  ScopedFd fd;   // does not block
  int port = 0;  // that it listens at, also if any free one was asked for
};

// Listens at `address`; at "[::]", on IPv4, too, and where the
// kernel has no IPv6, on that alone. UNAVAILABLE if the port is in use, or as
// ErrnoStatus has it.
absl::StatusOr<TcpListener> ListenTcp(const HttpAddress& address);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_BASE_TCP_LISTENER_H_
