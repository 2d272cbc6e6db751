// Limits of the running process itself (getrlimit(2)).
#ifndef NUMALOCALITY_AGENT_OS_BASE_PROCESS_LIMITS_H_
#define NUMALOCALITY_AGENT_OS_BASE_PROCESS_LIMITS_H_

#include "absl/status/status.h"

namespace numalocality {

// Raises the limit on open files to the hard limit: a migration holds two descriptors a process.
absl::Status RaiseOpenFileLimit();

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_BASE_PROCESS_LIMITS_H_
