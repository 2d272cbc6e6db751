#include "agent/base/status.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace numalocality {

absl::Status ErrnoStatus(int error_number, absl::string_view what) {
  // glibc's strerrordesc_np is thread-safe and independent of the locale.
  const char* description = strerrordesc_np(error_number);
  const std::string message =
      absl::StrCat(what, ": ", description != nullptr ? description : "unknown error");
  switch (error_number) {
    case ENOENT:
    case ESRCH:
    case ENODEV: return absl::NotFoundError(message);
    case EACCES:
    case EPERM: return absl::PermissionDeniedError(message);
    default: return absl::Status(absl::ErrnoToStatusCode(error_number), message);
  }
}

absl::Status WithContext(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  absl::Status longer(status.code(), absl::StrCat(context, ": ", status.message()));
  status.ForEachPayload(
      [&](absl::string_view type, const absl::Cord& payload) { longer.SetPayload(type, payload); });
  return longer;
}

}  // namespace numalocality
