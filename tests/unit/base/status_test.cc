#include "agent/base/status.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <utility>

namespace numalocality::status_test {
namespace {

TEST(ErrnoStatusTest, HasTheCodeThatFits) {
  const std::pair<int, absl::StatusCode> cases[] = {
      {ENOENT, absl::StatusCode::kNotFound},
      {ESRCH, absl::StatusCode::kNotFound},
      {ENODEV, absl::StatusCode::kNotFound},  // from files of a removed cgroup
      {EACCES, absl::StatusCode::kPermissionDenied},
      {EPERM, absl::StatusCode::kPermissionDenied},
      {EOPNOTSUPP, absl::StatusCode::kUnimplemented},  // from cgroup.procs of a threaded cgroup
      {EINVAL, absl::StatusCode::kInvalidArgument},
      {EMFILE, absl::StatusCode::kResourceExhausted},
  };
  for (const auto& [number, code] : cases) {
    EXPECT_EQ(ErrnoStatus(number, "read x").code(), code) << strerrorname_np(number);
  }
}

TEST(ErrnoStatusTest, SaysWhatAndWhy) {
  EXPECT_EQ(std::string(ErrnoStatus(ENOENT, "open /x").message()),
            "open /x: No such file or directory");
  EXPECT_EQ(std::string(ErrnoStatus(123456, "open /x").message()), "open /x: unknown error");
}

TEST(WithContextTest, KeepsTheCode) {
  const absl::Status status = WithContext(absl::NotFoundError("gone"), "process 1");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(std::string(status.message()), "process 1: gone");
  EXPECT_TRUE(WithContext(absl::OkStatus(), "process 1").ok());
}

absl::StatusOr<int> Fails() { return absl::AbortedError("no"); }
absl::StatusOr<int> Adds(const absl::StatusOr<int>& a) {
  NL_ASSIGN_OR_RETURN(const int value, a);
  return value + 1;
}
absl::Status Passes(const absl::Status& status) {
  NL_RETURN_IF_ERROR(status);
  return absl::InternalError("went on");
}

TEST(StatusMacrosTest, ReturnErrorsAndPassValues) {
  EXPECT_EQ(Adds(Fails()).status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(*Adds(1), 2);
  EXPECT_TRUE(absl::IsAborted(Passes(absl::AbortedError(""))));
  EXPECT_TRUE(absl::IsInternal(Passes(absl::OkStatus())));
}

}  // namespace
}  // namespace numalocality::status_test
