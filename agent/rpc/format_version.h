// The version of the files that an agent leaves for the next one: records and reservations.
#ifndef NUMALOCALITY_AGENT_RPC_FORMAT_VERSION_H_
#define NUMALOCALITY_AGENT_RPC_FORMAT_VERSION_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace numalocality {

// Version that this agent writes. It also reads version 2, and version 1, whose files name no
// version. A change that the agent before cannot read needs a new version. That includes a new
// value of an enum in a record: the agent before would take the record for a broken one and remove
// it.
inline constexpr int32_t kFormatVersion = 3;

// FAILED_PRECONDITION with what to do if the file at `path`, whose format_version is `version`, was
// written by a later agent. Such a file must be neither used nor overwritten.
absl::Status CheckFormatVersion(const std::string& path, int32_t version);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_FORMAT_VERSION_H_
