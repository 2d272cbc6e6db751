#include "agent/rpc/format_version.h"

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"

namespace numalocality {

absl::Status CheckFormatVersion(const std::string& path, int32_t version) {
  if (version <= kFormatVersion) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(LogSafe(path), ": written by a later agent, in format version ", version,
                   "; this agent reads versions up to ", kFormatVersion,
                   " and leaves the file as it is. Run the later agent again, or delete the file"));
}

}  // namespace numalocality
