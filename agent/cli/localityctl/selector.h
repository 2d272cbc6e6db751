// The options that name a workload, the same for all subcommands.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_SELECTOR_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_SELECTOR_H_

#include <sys/types.h>

#include <string>

#include "numalocality/v1/workload.pb.h"

namespace CLI {
class App;
}

namespace numalocality::localityctl {

struct SelectorOptions {
  std::string pod;        // UID, or NAMESPACE/NAME
  std::string container;  // id, or with a named pod the container's name
  std::string cgroup_path;
  pid_t pid = 0;
};

// Adds --pod, --container, --cgroup and --pid. They exclude each other, except --pod and
// --container.
void AddSelectorOptions(CLI::App& app, SelectorOptions& options);

// NAME_NOT_SET if none was given.
v1::WorkloadSelector ToSelector(const SelectorOptions& options);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_SELECTOR_H_
