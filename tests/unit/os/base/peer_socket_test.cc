#include "agent/os/base/peer_socket.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "tests/unit/fake/temp_tree.h"

namespace numalocality::peer_socket_test {
namespace {

class PeerSocketTest : public ::testing::Test {
 protected:
  ScopedFd Connect() {
    ScopedFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }

  TempTree tree_;
  const std::string directory_ = tree_.Path("self");
  const std::string path_ = directory_ + "/self.sock";
};

TEST_F(PeerSocketTest, IsOpenToAllUsers) {
  const auto listener = ListenForAll(path_);
  ASSERT_TRUE(listener.ok()) << listener.status();
  struct stat status {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0666u);
  ASSERT_EQ(stat(directory_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0755u);
}

TEST_F(PeerSocketTest, StaysInItsDirectoryAfterARestart) {
  ASSERT_TRUE(ListenForAll(path_).ok());
  struct stat before {};
  struct stat after {};
  ASSERT_EQ(stat(directory_.c_str(), &before), 0);
  const auto again = ListenForAll(path_);
  ASSERT_TRUE(again.ok()) << again.status();
  ASSERT_EQ(stat(directory_.c_str(), &after), 0);
  EXPECT_EQ(after.st_ino, before.st_ino) << "containers have it mounted";
  EXPECT_TRUE(absl::IsFailedPrecondition(ListenForAll(path_).status())) << "it is served";
}

TEST_F(PeerSocketTest, RefusesADirectoryInWhichOthersCouldReplaceTheSocket) {
  tree_.Write("self/other", "");
  for (const mode_t mode : {0777, 0700}) {
    ASSERT_EQ(chmod(directory_.c_str(), mode), 0);
    EXPECT_TRUE(absl::IsFailedPrecondition(ListenForAll(path_).status())) << mode;
  }
}

TEST_F(PeerSocketTest, KnowsWhoConnectedAndWhetherThatHasExited) {
  const auto listener = ListenForAll(path_);
  ASSERT_TRUE(listener.ok()) << listener.status();
  const ScopedFd own = Connect();
  const ScopedFd accepted(accept(listener->get(), nullptr, nullptr));
  const auto peer = PeerOf(accepted.get());
  ASSERT_TRUE(peer.ok()) << peer.status();
  EXPECT_EQ(peer->pid, getpid());
  EXPECT_FALSE(HasExited(*peer));

  const ScopedFd shared(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
  int go[2];
  ASSERT_EQ(pipe(go), 0);
  const pid_t child = fork();
  if (child == 0) {
    const int failed =
        connect(shared.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address));
    char byte = 0;
    close(go[1]);
    _exit(failed != 0 || read(go[0], &byte, 1) != 0);
  }
  pollfd waiting{listener->get(), POLLIN, 0};
  ASSERT_EQ(poll(&waiting, 1, -1), 1);
  const ScopedFd of_child(accept(listener->get(), nullptr, nullptr));
  const auto other = PeerOf(of_child.get());
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ(other->pid, child);
  EXPECT_FALSE(HasExited(*other));
  close(go[0]);
  close(go[1]);
  int status = 1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  // Before Linux 6.5 the kernel does not say.
  EXPECT_EQ(HasExited(*other), other->pidfd.valid());
}

}  // namespace
}  // namespace numalocality::peer_socket_test
