// Installs a seccomp profile on a Kubernetes node. Kubelet reads profiles of type Localhost from
// its own directory (seccomp/ below its root directory) and cannot fetch them.
#ifndef NUMALOCALITY_AGENT_RUNTIME_SECCOMP_PROFILE_H_
#define NUMALOCALITY_AGENT_RUNTIME_SECCOMP_PROFILE_H_

#include <string>

#include "absl/status/status.h"

namespace numalocality {

// Copies the profile `from` to `to` atomically: a container that starts meanwhile gets the old or
// the new profile as a whole. Creates the directory of `to` if necessary. INVALID_ARGUMENT if
// `from` is not a JSON object, because no container could start with it; otherwise as ErrnoStatus
// maps errno.
absl::Status InstallSeccompProfile(const std::string& from, const std::string& to);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RUNTIME_SECCOMP_PROFILE_H_
