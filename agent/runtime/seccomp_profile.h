// A seccomp profile of a Kubernetes node: kubelet takes those of type Localhost from a directory of
// its own, and has no way to fetch one.
#ifndef NUMALOCALITY_AGENT_RUNTIME_SECCOMP_PROFILE_H_
#define NUMALOCALITY_AGENT_RUNTIME_SECCOMP_PROFILE_H_

#include <string>

#include "absl/status/status.h"

namespace numalocality {

// Copies the profile `from` to `to`, whose directory is made if need be, as a whole: a container
// that starts meanwhile gets the old one or the new one. INVALID_ARGUMENT if `from` is no JSON
// object, as no container starts with such a profile; or as ErrnoStatus has it.
absl::Status InstallSeccompProfile(const std::string& from, const std::string& to);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RUNTIME_SECCOMP_PROFILE_H_
