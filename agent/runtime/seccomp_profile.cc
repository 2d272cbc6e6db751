#include "agent/runtime/seccomp_profile.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"

namespace numalocality {
namespace {

// Readable by all, as it keeps no secret.
constexpr mode_t kMode = 0644;

// Root is refused where the directory is another user's (no capability helps here) or a security
// module forbids it.
absl::Status WithHint(const absl::Status& status) {
  if (!absl::IsPermissionDenied(status)) return status;
  return absl::Status(
      status.code(),
      absl::StrCat(status.message(),
                   "; the directory must be root's and writable, and SELinux must let this process"
                   " write there (type spc_t, the chart's seLinuxOptions); or install the file by"
                   " other means"));
}

}  // namespace

absl::Status InstallSeccompProfile(const std::string& from, const std::string& to) {
  const auto text = ReadFile(from);
  if (!text.ok()) return WithContext(text.status(), "seccomp profile");
  if (!nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false).is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "seccomp profile ", from, ": is no JSON object; no container would start with it, so ", to,
        " is left as it is"));
  }
  if (const auto there = ReadFile(to); there.ok() && *there == *text) return absl::OkStatus();
  std::error_code error;
  const std::filesystem::path directory = std::filesystem::absolute(to).parent_path();
  std::filesystem::create_directories(directory, error);
  if (error) {
    return WithHint(ErrnoStatus(error.value(), absl::StrCat("make the directory of ", to)));
  }
  return WithHint(WithContext(ReplaceFile(to, *text, kMode), "seccomp profile"));
}

}  // namespace numalocality
