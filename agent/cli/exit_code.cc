#include "agent/cli/exit_code.h"

#include <iostream>

namespace numalocality {

ExitCode ExitCodeFor(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk: return kExitSuccess;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated: return kExitPermission;
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kFailedPrecondition: return kExitNotMigrated;
    default: return kExitError;
  }
}

ExitCode End(const absl::StatusOr<ExitCode>& code) {
  if (!code.ok()) return Fail(code.status());
  if (std::cout.flush()) return *code;
  return Fail(absl::UnavailableError(
      "cannot write the result to standard output; check whether the disk is full"));
}

ExitCode Fail(const absl::Status& status) {
  std::cerr << "ERROR: " << status.message() << std::endl;
  return ExitCodeFor(status);
}

}  // namespace numalocality
