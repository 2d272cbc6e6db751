#include "agent/runtime/seccomp_profile.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "agent/os/base/file.h"
#include "tests/unit/fake/temp_tree.h"

namespace numalocality::seccomp_profile_test {
namespace {

constexpr char kProfile[] = R"({"defaultAction": "SCMP_ACT_ERRNO"})";

class InstallSeccompProfileTest : public ::testing::Test {
 protected:
  // As in a ConfigMap volume.
  void WriteSource(const std::string& text) {
    tree_.Write("volume/..data/profile.json", text);
    if (!tree_.Exists("volume/profile.json")) {
      tree_.Link("volume/profile.json", "..data/profile.json");
    }
  }
  TempTree tree_;
  const std::string from_ = tree_.Path("volume/profile.json");
  const std::string to_ = tree_.Path("host/seccomp/agent.json");
};

TEST_F(InstallSeccompProfileTest, MakesTheDirectoryAndAFileThatAllMayRead) {
  WriteSource(kProfile);
  const absl::Status status = InstallSeccompProfile(from_, to_);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(*ReadFile(to_), kProfile);
  struct stat file {};
  ASSERT_EQ(stat(to_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0644u);
  EXPECT_FALSE(tree_.Exists("host/seccomp/agent.json.new"));
}

TEST_F(InstallSeccompProfileTest, ReplacesAnEarlierOne) {
  tree_.Write("host/seccomp/agent.json", "{}");
  WriteSource(kProfile);
  ASSERT_TRUE(InstallSeccompProfile(from_, to_).ok());
  EXPECT_EQ(*ReadFile(to_), kProfile);
}

TEST_F(InstallSeccompProfileTest, LeavesWhatIsThereRatherThanBreakIt) {
  tree_.Write("host/seccomp/agent.json", kProfile);
  for (const char* text : {"", "{", "[]", "null", "not JSON"}) {
    WriteSource(text);
    EXPECT_EQ(InstallSeccompProfile(from_, to_).code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_EQ(*ReadFile(to_), kProfile);
  }
}

TEST_F(InstallSeccompProfileTest, SaysWhatIsMissing) {
  const absl::Status status = InstallSeccompProfile(from_, to_);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_NE(status.message().find(from_), absl::string_view::npos) << status;
  WriteSource(kProfile);
  tree_.MakeDirectory("host/seccomp/agent.json");
  EXPECT_FALSE(InstallSeccompProfile(from_, to_).ok());
  EXPECT_FALSE(tree_.Exists("host/seccomp/agent.json.new"));
}

TEST_F(InstallSeccompProfileTest, SaysWhatToDoWhereItMayNotWrite) {
  WriteSource(kProfile);
  tree_.MakeDirectory("host");
  const auto make_all = [this](mode_t mode) {
    for (const char* path : {"", "volume", "volume/..data", "volume/profile.json", "host"}) {
      ASSERT_EQ(chmod(tree_.Path(path).c_str(), mode), 0) << path;
    }
  };
  make_all(0555);
  const uid_t self = geteuid();
  // Root without capabilities, as in the pod.
  ASSERT_EQ(seteuid(self == 0 ? 65534 : self), 0);
  const absl::Status status = InstallSeccompProfile(from_, to_);
  ASSERT_EQ(seteuid(self), 0);
  make_all(0755);
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_NE(status.message().find("seLinuxOptions"), absl::string_view::npos) << status;
}

TEST_F(InstallSeccompProfileTest, WhatAnInterruptedOneLeftChangesNothing) {
  WriteSource(kProfile);
  tree_.Write("host/seccomp/agent.json.new", "half of");
  ASSERT_EQ(chmod(tree_.Path("host/seccomp/agent.json.new").c_str(), 0600), 0);
  ASSERT_TRUE(InstallSeccompProfile(from_, to_).ok());
  struct stat file {};
  ASSERT_EQ(stat(to_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0644u);
  // An identical profile is not written again.
  ASSERT_TRUE(InstallSeccompProfile(from_, to_).ok());
  struct stat again {};
  ASSERT_EQ(stat(to_.c_str(), &again), 0);
  EXPECT_EQ(again.st_ino, file.st_ino);
}

}  // namespace
}  // namespace numalocality::seccomp_profile_test
