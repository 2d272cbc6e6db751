#include "agent/os/base/unix_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <string>

#include "agent/os/base/file.h"
#include "tests/unit/fake/temp_tree.h"

namespace numalocality::unix_socket_test {
namespace {

// A socket bound to `path`; optionally listening.
ScopedFd Bind(const std::string& path, bool listening) {
  ScopedFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  if (listening) {
    EXPECT_EQ(listen(fd.get(), 1), 0);
  }
  return fd;
}

bool Exists(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0;
}

class UnixSocketTest : public ::testing::Test {
 protected:
  TempTree tree_;
  const std::string directory_ = tree_.Path("run");
  const std::string path_ = directory_ + "/agent.sock";
};

TEST_F(UnixSocketTest, MakesTheDirectoryForItsOwnerAlone) {
  ASSERT_TRUE(PrepareSocketPath(path_).ok());
  struct stat status {};
  ASSERT_EQ(stat(directory_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  EXPECT_TRUE(PrepareSocketPath(path_).ok());  // also if the directory exists
}

TEST_F(UnixSocketTest, OpensADirectoryToItsGroupAlone) {
  ASSERT_EQ(mkdir(directory_.c_str(), 0700), 0);
  ASSERT_EQ(chmod(directory_.c_str(), 0777), 0);  // as kubelet creates it
  ASSERT_TRUE(PrepareSocketPath(path_, SocketReach::kGroup).ok());
  const ScopedFd fd = Bind(path_, true);
  ASSERT_TRUE(OpenToGroup(path_).ok());
  struct stat directory {};
  struct stat socket {};
  ASSERT_EQ(stat(directory_.c_str(), &directory), 0);
  ASSERT_EQ(stat(path_.c_str(), &socket), 0);
  EXPECT_EQ(directory.st_mode & 0777, 0750u);
  EXPECT_EQ(socket.st_mode & 0777, 0660u);
  EXPECT_EQ(socket.st_gid, directory.st_gid);
}

TEST_F(UnixSocketTest, ASocketOfAnotherGroupIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  ASSERT_EQ(mkdir(directory_.c_str(), 0700), 0);
  ASSERT_EQ(chown(directory_.c_str(), 0, 65534), 0);
  ASSERT_TRUE(PrepareSocketPath(path_, SocketReach::kGroup).ok());
  {
    const ScopedFd fd = Bind(path_, false);
    EXPECT_TRUE(absl::IsFailedPrecondition(OpenToGroup(path_)));
  }
  ASSERT_EQ(chmod(directory_.c_str(), 02777), 0);
  ASSERT_TRUE(PrepareSocketPath(path_, SocketReach::kGroup).ok());
  const ScopedFd fd = Bind(path_, false);
  EXPECT_TRUE(OpenToGroup(path_).ok());
  struct stat directory {};
  ASSERT_EQ(stat(directory_.c_str(), &directory), 0);
  EXPECT_EQ(directory.st_mode & 07777, 02750u);
}

TEST_F(UnixSocketTest, RefusesADirectoryThatIsOpenToOthers) {
  ASSERT_EQ(mkdir(directory_.c_str(), 0700), 0);
  tree_.Write("run/other", "");
  ASSERT_EQ(chmod(directory_.c_str(), 0755), 0);
  EXPECT_EQ(PrepareSocketPath(path_).code(), absl::StatusCode::kFailedPrecondition);
  struct stat status {};
  ASSERT_EQ(stat(directory_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0755u);
}

TEST_F(UnixSocketTest, ClosesAnEmptyDirectoryAsKubeletMakesIt) {
  ASSERT_EQ(mkdir(directory_.c_str(), 0700), 0);
  ASSERT_EQ(chmod(directory_.c_str(), 0755), 0);
  ASSERT_TRUE(PrepareSocketPath(path_).ok());
  struct stat status {};
  ASSERT_EQ(stat(directory_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
}

TEST_F(UnixSocketTest, RefusesPathsThatCannotBeBound) {
  for (const std::string& path : {std::string("agent.sock"), std::string("/agent.sock"),
                                  std::string(), "/run/" + std::string(200, 'x')}) {
    EXPECT_EQ(PrepareSocketPath(path).code(), absl::StatusCode::kInvalidArgument) << path;
  }
}

TEST_F(UnixSocketTest, RemovesWhatADeadServerLeft) {
  ASSERT_TRUE(PrepareSocketPath(path_).ok());
  { const ScopedFd dead = Bind(path_, true); }
  ASSERT_TRUE(Exists(path_));
  EXPECT_TRUE(PrepareSocketPath(path_).ok());
  EXPECT_FALSE(Exists(path_));
}

TEST_F(UnixSocketTest, LeavesALiveServerAlone) {
  ASSERT_TRUE(PrepareSocketPath(path_).ok());
  const ScopedFd live = Bind(path_, true);
  EXPECT_EQ(PrepareSocketPath(path_).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(Exists(path_));
}

TEST_F(UnixSocketTest, NeverRemovesAFile) {
  ASSERT_TRUE(PrepareSocketPath(path_).ok());
  ASSERT_EQ(mkdir(path_.c_str(), 0700), 0);
  EXPECT_EQ(PrepareSocketPath(path_).code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_EQ(rmdir(path_.c_str()), 0);
  const ScopedFd file(open(path_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  EXPECT_EQ(PrepareSocketPath(path_).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(Exists(path_));
}

}  // namespace
}  // namespace numalocality::unix_socket_test
