// What the agent can do on this machine, tried out and looked up.
#ifndef NUMALOCALITY_AGENT_ENGINE_HEALTH_SELF_TEST_H_
#define NUMALOCALITY_AGENT_ENGINE_HEALTH_SELF_TEST_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/engine/context.h"
#include "agent/engine/health/configuration_source.h"
#include "agent/engine/workload/container_resources.h"
#include "agent/engine/workload/name_source.h"
#include "agent/model/page_span.h"
#include "agent/model/privileges.h"
#include "agent/os/base/running_kernel.h"
#include "agent/os/cgroup/cgroup_layout.h"

namespace numalocality {

// The container runtime, if one is configured.
struct RuntimeStatus {
  std::string address;
  absl::StatusOr<std::string> answer;  // what it calls itself
};

struct AgentStatus {
  KernelRelease kernel;
  Privileges privileges;
  NodeSet memory_nodes;     // of the machine
  absl::Status move_pages;  // whether the system call may be made at all, on memory of one's own
  absl::Status others;      // whether it may be made on the first process of all, another's
  // How memory of other users' processes is found, tried with the first process of all. Nothing if
  // that could not be opened.
  std::optional<ScanMethod> scan_method;
  bool pagemap_scan = false;  // the ioctl is there
  bool numa_balancing = false;
  std::optional<CgroupVersion> cgroup_version;  // nothing if neither is mounted
  absl::Status cgroups;                         // why the host's containers cannot be found
  std::string cgroup_driver;                  // of kubelet: "systemd", "cgroupfs"; "" without pods
  std::string only_pod;                       // as in Host
  std::vector<std::string> security_modules;  // none also if that cannot be read
  std::string huge_page_mode;                 // as ReadHugePageMode; "" if that cannot be read
  std::optional<RuntimeStatus> runtime;
  std::vector<SourceStatus> name_sources;  // as they were when last read
  ConfigurationStatus configuration;
  // Whether changes of cgroups are noticed at once, as PolicyLoop::watch_status; nothing without a
  // loop.
  std::optional<absl::Status> changes;
  // Whether the files of the network API are right now; nothing without one.
  std::optional<absl::Status> network_api;
};

// Looks now; some twenty files, one system call of each kind, and one call to the runtime.
// `runtime` and `configuration` may be null. Fails if /proc or the topology cannot be read at all.
absl::StatusOr<AgentStatus> RunSelfTest(const EngineContext& context, ContainerResources* runtime,
                                        const ConfigurationSource* configuration = nullptr);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_HEALTH_SELF_TEST_H_
