#include "agent/os/base/tcp_listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"

namespace numalocality {
namespace {

// Prometheus and kubelet connect a few times a minute. But if the queue is full, the kernel drops
// the connection request and the client repeats it only after a second, the timeout of a probe.
constexpr int kBacklog = 128;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress ToSocketAddress(const HttpAddress& address) {
  SocketAddress out;
  if (address.is_ipv6) {
    auto& ipv6 = reinterpret_cast<sockaddr_in6&>(out.storage);
    ipv6.sin6_family = AF_INET6;
    ipv6.sin6_port = htons(static_cast<uint16_t>(address.port));
    inet_pton(AF_INET6, address.ip.c_str(), &ipv6.sin6_addr);
    out.size = sizeof(ipv6);
  } else {
    auto& ipv4 = reinterpret_cast<sockaddr_in&>(out.storage);
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = htons(static_cast<uint16_t>(address.port));
    inet_pton(AF_INET, address.ip.c_str(), &ipv4.sin_addr);
    out.size = sizeof(ipv4);
  }
  return out;
}

// sockaddr_in and sockaddr_in6 have the port in the same place.
int PortOf(const SocketAddress& address) {
  return ntohs(reinterpret_cast<const sockaddr_in&>(address.storage).sin_port);
}

}  // namespace

absl::StatusOr<TcpListener> ListenTcp(const HttpAddress& address) {
  const std::string what = absl::StrCat("listen at ", address.ToString());
  const int family = address.is_ipv6 ? AF_INET6 : AF_INET;
  TcpListener listener{ScopedFd(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))};
  const int fd = listener.fd.get();
  // The kernel was booted with ipv6.disable=1, so IPv4 is all there is.
  if (fd < 0 && errno == EAFNOSUPPORT && address.is_ipv6 && address.ip == "::") {
    return ListenTcp({"0.0.0.0", false, address.port});
  }
  if (fd < 0) return ErrnoStatus(errno, what);
  // A restarted agent can bind while connections of the previous one are in TIME_WAIT.
  constexpr int kOn = 1;
  constexpr int kOff = 0;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &kOn, sizeof(kOn));
  if (address.is_ipv6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &kOff, sizeof(kOff));
  SocketAddress bound = ToSocketAddress(address);
  if (bind(fd, bound.get(), bound.size) != 0 || listen(fd, kBacklog) != 0 ||
      getsockname(fd, bound.get(), &bound.size) != 0) {
    return ErrnoStatus(errno, what);
  }
  listener.port = PortOf(bound);
  return listener;
}

}  // namespace numalocality
