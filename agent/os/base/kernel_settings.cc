#include "agent/os/base/kernel_settings.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"

namespace numalocality {

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
