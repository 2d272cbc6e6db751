#include "agent/os/base/running_kernel.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"

namespace numalocality {

absl::StatusOr<KernelRelease> ParseKernelRelease(absl::string_view text) {
  KernelRelease release;
  release.text = std::string(absl::StripAsciiWhitespace(text));
  const std::vector<absl::string_view> numbers =
      absl::StrSplit(release.text, absl::ByAnyChar(".-+"));
  if (numbers.size() < 2 || !absl::SimpleAtoi(numbers[0], &release.major) ||
      !absl::SimpleAtoi(numbers[1], &release.minor)) {
    return absl::InvalidArgumentError(
        absl::StrCat("kernel release '", release.text, "': not of the form 6.12.38-amd64"));
  }
  return release;
}

absl::StatusOr<KernelRelease> ReadKernelRelease(const Host& host) {
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFile(host.proc + "/sys/kernel/osrelease"));
  return ParseKernelRelease(text);
}

absl::StatusOr<std::vector<std::string>> ReadSecurityModules(const Host& host) {
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFile(host.security + "/lsm"));
  return std::vector<std::string>(
      absl::StrSplit(absl::StripAsciiWhitespace(text), ',', absl::SkipEmpty()));
}

absl::StatusOr<std::string> ReadHugePageMode(const Host& host) {
  const std::string path = host.thp + "/enabled";
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));  // "always [madvise] never"
  const size_t open = text.find('[');
  const size_t close = text.find(']', open);
  if (open == std::string::npos || close == std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat("read ", path, ": no mode is in brackets"));
  }
  return text.substr(open + 1, close - open - 1);
}

}  // namespace numalocality
