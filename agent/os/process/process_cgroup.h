// Which cgroup a process is in, seen from the root of the host's cgroups (cgroup_namespaces(7)).
#ifndef NUMALOCALITY_AGENT_OS_PROCESS_PROCESS_CGROUP_H_
#define NUMALOCALITY_AGENT_OS_PROCESS_PROCESS_CGROUP_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/os/base/host.h"

namespace numalocality {

// The cgroup that the paths in /proc/PID/cgroup count from: in a container mostly its own, else
// "/". Finds this process in the tree below host.cgroup, which reads every cgroup.procs there if
// it is a container's. NOT_FOUND if this process is nowhere there.
absl::StatusOr<std::string> FindCgroupNamespace(const Host& host);

// The pod that this process is in, by its UID, if the first process that can be seen belongs to
// another container of it: an agent beside the containers of one pod, in their PID namespace. ""
// for one that sees its node, or nobody but itself.
std::string FindOnlyPod(const Host& host);

// The cgroup in a text of /proc/PID/cgroup, as a path below host.cgroup. As ParseProcessCgroup if
// there is none.
absl::StatusOr<std::string> ProcessCgroup(const Host& host, absl::string_view text);

// `path`, which may begin with "/..", seen from where `name_space` is. Pure.
std::string FromCgroupNamespace(absl::string_view name_space, absl::string_view path);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PROCESS_PROCESS_CGROUP_H_
