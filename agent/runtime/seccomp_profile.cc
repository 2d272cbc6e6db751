#include "agent/runtime/seccomp_profile.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"

namespace numalocality {
namespace {

// Readable by all users: a profile contains no secret.
constexpr mode_t kMode = 0644;

// Even root is refused if the directory belongs to another user (the agent lacks the capability to
// override that), or if a security module forbids the write.
absl::Status WithHint(const absl::Status& status) {
  if (!absl::IsPermissionDenied(status)) return status;
  return absl::Status(
      status.code(),
      absl::StrCat(
          status.message(),
          "; the directory must belong to root and be writable, and SELinux must allow this"
          " process to write there (type spc_t, the chart's seLinuxOptions); or install the"
          " file by other means"));
}

}  // namespace

absl::Status InstallSeccompProfile(const std::string& from, const std::string& to) {
  const auto text = ReadFile(from);
  if (!text.ok()) return WithContext(text.status(), "seccomp profile");
  if (!nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false).is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "seccomp profile ", from, ": is not a JSON object, so no container could start with it; ",
        to, " is unchanged"));
  }
  if (const auto there = ReadFile(to); there.ok() && *there == *text) return absl::OkStatus();
  std::error_code error;
  const std::filesystem::path directory = std::filesystem::absolute(to).parent_path();
  std::filesystem::create_directories(directory, error);
  if (error) {
    return WithHint(ErrnoStatus(error.value(), absl::StrCat("create the directory of ", to)));
  }
  return WithHint(WithContext(ReplaceFile(to, *text, kMode), "seccomp profile"));
}

}  // namespace numalocality
