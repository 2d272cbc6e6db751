#include "agent/os/base/tcp_listener.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <iterator>

namespace numalocality::tcp_listener_test {
namespace {

bool AcceptsOnIpv4(int port) {
  const ScopedFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
}

// Makes this process behave as on a kernel without IPv6.
bool ForgetIpv6() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program = {std::size(filter), filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST(TcpListenerTest, AllAddressesAreIpv4sToo) {
  const auto listener = ListenTcp({"::", true, 0});
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_TRUE(AcceptsOnIpv4(listener->port));
}

TEST(TcpListenerTest, WithoutIpv6AllAddressesAreIpv4s) {
  const pid_t child = fork();
  if (child == 0) {
    if (!ForgetIpv6()) _exit(1);
    if (ListenTcp({"::1", true, 0}).ok()) _exit(2);  // an explicit IPv6 address is an error
    const auto listener = ListenTcp({"::", true, 0});
    if (!listener.ok()) _exit(3);
    _exit(AcceptsOnIpv4(listener->port) ? 0 : 4);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(TcpListenerTest, APortInUseIsUnavailable) {
  const auto first = ListenTcp({"127.0.0.1", false, 0});
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = ListenTcp({"127.0.0.1", false, first->port});
  EXPECT_FALSE(second.ok());
}

}  // namespace
}  // namespace numalocality::tcp_listener_test
