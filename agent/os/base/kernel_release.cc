#include "agent/os/base/kernel_release.h"

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

}  // namespace numalocality
