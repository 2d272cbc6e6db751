#include "tests/component/pod_process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

namespace numalocality {
namespace {

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  return address;
}

// An address, with a socket as ancillary data.
struct Order {
  sockaddr_un address{};
  char control[CMSG_SPACE(sizeof(int))] = {};
  iovec part{&address, sizeof(address)};
  msghdr header{};

  Order() {
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof(control);
  }
};

// Only what is allowed after fork in a program with threads.
[[noreturn]] void ConnectOnOrder(int channel) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  while (true) {
    Order order;
    if (recvmsg(channel, &order.header, 0) <= 0) _exit(0);
    int fd = -1;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&order.header)), sizeof(fd));
    const char failed =
        connect(fd, reinterpret_cast<sockaddr*>(&order.address), sizeof(order.address)) != 0;
    close(fd);
    if (write(channel, &failed, 1) != 1) _exit(1);
  }
}

}  // namespace

PodProcess::PodProcess() {
  int ends[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return;
  channel_ = ScopedFd(ends[0]);
  pid_ = fork();
  if (pid_ == 0) {
    // It must not keep open what the test closes, such as connections.
    dup2(ends[1], STDERR_FILENO + 1);
    close_range(STDERR_FILENO + 2, ~0U, 0);
    ConnectOnOrder(STDERR_FILENO + 1);
  }
  close(ends[1]);
}

PodProcess::~PodProcess() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

ScopedFd PodProcess::Connect(const std::string& path) {
  ScopedFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  Order order;
  order.address = AddressOf(path);
  cmsghdr* const passed = CMSG_FIRSTHDR(&order.header);
  passed->cmsg_level = SOL_SOCKET;
  passed->cmsg_type = SCM_RIGHTS;
  passed->cmsg_len = CMSG_LEN(sizeof(int));
  const int number = fd.get();
  memcpy(CMSG_DATA(passed), &number, sizeof(number));
  char failed = 1;
  const bool answered = sendmsg(channel_.get(), &order.header, MSG_NOSIGNAL) > 0 &&
                        read(channel_.get(), &failed, 1) == 1;
  return answered && failed == 0 ? std::move(fd) : ScopedFd();
}

}  // namespace numalocality
