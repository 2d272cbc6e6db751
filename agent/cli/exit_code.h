// Exit codes of both commands. Scripts rely on these numbers.
#ifndef NUMALOCALITY_AGENT_CLI_EXIT_CODE_H_
#define NUMALOCALITY_AGENT_CLI_EXIT_CODE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace numalocality {

enum ExitCode : int {
  kExitSuccess = 0,
  kExitError = 1,        // invalid arguments, something was not found, the agent cannot be reached
  kExitPermission = 2,   // permission denied
  kExitNotMigrated = 3,  // the memory is not on its target, or cannot be moved now
  kExitInterrupted = 130,  // SIGINT: 128 plus the signal's number, as in shells
};

// The exit code for an error: kExitPermission for PERMISSION_DENIED and UNAUTHENTICATED,
// kExitNotMigrated for ABORTED (busy) and FAILED_PRECONDITION (forbidden by cpuset), else
// kExitError.
ExitCode ExitCodeFor(const absl::Status& status);

// The return value of main: `code`, or the exit code of the error, which it prints. kExitError if
// standard output could not be written.
ExitCode End(const absl::StatusOr<ExitCode>& code);

// Prints "ERROR: <message>" on standard error and returns the error's exit code.
ExitCode Fail(const absl::Status& status);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CLI_EXIT_CODE_H_
