// How a command line names workloads, the same for all commands.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_SELECTOR_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_SELECTOR_H_

#include <sys/types.h>

#include <CLI/CLI.hpp>
#include <string>

#include "numalocality/v1/workload.pb.h"

namespace numalocality::localityctl {

struct SelectorOptions {
  std::string pod;        // UID, or NAMESPACE/NAME
  std::string container;  // id; or name, if the pod is named
  std::string cgroup_path;
  pid_t pid = 0;
};

// Adds --pod, --container, --cgroup and --pid, of which only --pod and --container go together.
void AddSelectorOptions(CLI::App& app, SelectorOptions& options);

// NAME_NOT_SET if none was given.
v1::WorkloadSelector ToSelector(const SelectorOptions& options);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_SELECTOR_H_
