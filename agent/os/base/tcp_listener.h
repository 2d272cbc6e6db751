// Listening TCP sockets (tcp(7), ipv6(7)).
#ifndef NUMALOCALITY_AGENT_OS_BASE_TCP_LISTENER_H_
#define NUMALOCALITY_AGENT_OS_BASE_TCP_LISTENER_H_

#include "absl/status/statusor.h"
#include "agent/model/configuration.h"
#include "agent/os/base/file.h"

namespace numalocality {

struct TcpListener {
  ScopedFd fd;   // non-blocking
  int port = 0;  // the port it listens on, also if the address asked for any free port
};

// Listens at `address`. "[::]" also includes IPv4, and means only IPv4 if the kernel has no IPv6.
// UNAVAILABLE if the port is in use, otherwise as ErrnoStatus maps errno.
absl::StatusOr<TcpListener> ListenTcp(const HttpAddress& address);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_BASE_TCP_LISTENER_H_
