// Asking before something is done that affects others.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_CONFIRM_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_CONFIRM_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace numalocality::localityctl {

// Asks on standard error, and reads a line from standard input: whether it IsYes.
// INVALID_ARGUMENT with advice to give --yes if standard input is no terminal.
absl::StatusOr<bool> Confirm(const std::string& question);

// "y" or "yes", in whatever case, blanks around it or not.
bool IsYes(absl::string_view answer);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_CONFIRM_H_
