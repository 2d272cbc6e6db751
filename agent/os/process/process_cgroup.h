// The cgroup of a process, as a path from the root of the host's cgroups. Works also if this
// program runs in its own cgroup namespace (cgroup_namespaces(7)).
#ifndef NUMALOCALITY_AGENT_OS_PROCESS_PROCESS_CGROUP_H_
#define NUMALOCALITY_AGENT_OS_PROCESS_PROCESS_CGROUP_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/os/base/host.h"

namespace numalocality {

// The root of this process's cgroup namespace: the cgroup to which the paths in /proc/PID/cgroup
// are relative. In a container usually the container's cgroup, otherwise "/". Searches for this
// process in the tree below host.cgroup; in a container it reads every cgroup.procs there, and
// skips those that cannot be read. NOT_FOUND if the process is not in that tree, UNAVAILABLE if it
// may be in a cgroup that was skipped.
absl::StatusOr<std::string> FindCgroupNamespace(const Host& host);

// The UID of this process's pod, if process 1 belongs to another container of the same pod: then
// the pod's containers share a PID namespace, and the agent sees the processes of this pod only. ""
// if the agent sees all processes of the Kubernetes node, or only its own.
std::string FindOnlyPod(const Host& host);

// This machine, with the OwnPlace that the functions above find. If the search fails, the place is
// "/" and not known: the self-test reports what is wrong with the cgroups.
Host ReadHost();

// Searches again if the place is not known.
void FindOwnPlace(const Host& host);

// The cgroup in `text`, the content of /proc/PID/cgroup, as a path below host.cgroup. Errors as
// ParseProcessCgroup.
absl::StatusOr<std::string> ProcessCgroup(const Host& host, absl::string_view text);

// Converts `path`, relative to the cgroup namespace root `name_space` and maybe beginning with
// "/..", to a path from the host's root. Pure.
std::string FromCgroupNamespace(absl::string_view name_space, absl::string_view path);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PROCESS_PROCESS_CGROUP_H_
