// What the commands exit with. Scripts rely on these numbers.
#ifndef NUMALOCALITY_AGENT_CLI_EXIT_CODE_H_
#define NUMALOCALITY_AGENT_CLI_EXIT_CODE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace numalocality {

enum ExitCode : int {
  kExitSuccess = 0,
  kExitError = 1,          // invalid arguments, something named was not found, agent out of reach
  kExitPermission = 2,     // permission denied
  kExitNotMigrated = 3,    // the memory is not where it should be, or cannot be moved now
  kExitInterrupted = 130,  // SIGINT, as shells have it: 128 and the signal's number
};

// The code for an error: PERMISSION_DENIED and UNAUTHENTICATED are kExitPermission, ABORTED (busy)
// and FAILED_PRECONDITION (forbidden by cpuset) kExitNotMigrated, the rest kExitError.
ExitCode ExitCodeFor(const absl::Status& status);

// What main returns: `code`, or the code of the error, which is printed; and kExitError if what was
// printed could not be written.
ExitCode End(const absl::StatusOr<ExitCode>& code);

// Prints "ERROR: <message>" on standard error and returns the error's exit code.
ExitCode Fail(const absl::Status& status);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CLI_EXIT_CODE_H_
