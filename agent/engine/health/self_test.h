// The self-test: finds out, by trying and by reading, what the agent can do on this machine.
#ifndef NUMALOCALITY_AGENT_ENGINE_HEALTH_SELF_TEST_H_
#define NUMALOCALITY_AGENT_ENGINE_HEALTH_SELF_TEST_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/engine/context.h"
#include "agent/engine/health/configuration_source.h"
#include "agent/engine/watchdog.h"
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
  absl::Status move_pages;  // of a call on the agent's own process
  absl::Status others;      // of a call on process 1, which is another user's
  // How scans find memory of other users' processes, tried with process 1; nullopt if it could not
  // be opened.
  std::optional<ScanMethod> scan_method;
  bool pagemap_scan = false;  // the kernel has the PAGEMAP_SCAN ioctl
  bool numa_balancing = false;
  std::optional<CgroupVersion> cgroup_version;  // nullopt if neither is mounted
  absl::Status cgroups;                         // why the host's containers cannot be found
  std::string cgroup_driver;                  // of kubelet: "systemd", "cgroupfs"; "" without pods
  std::string only_pod;                       // as in OwnPlace
  std::vector<std::string> security_modules;  // none also if that cannot be read
  std::string huge_page_mode;                 // as ReadHugePageMode; "" if that cannot be read
  std::optional<RuntimeStatus> runtime;
  std::vector<SourceStatus> name_sources;  // as they were when last read
  ConfigurationStatus configuration;
  // Whether changes of cgroups are noticed at once, see PolicyLoop::watch_status; nullopt without a
  // loop.
  std::optional<absl::Status> changes;
  std::vector<StalledCall> stalled_calls;  // of migrations and of the loop
  // The device plugin: OK while kubelet watches its devices; nullopt without one.
  std::optional<SourceStatus> device_plugin;
};

// Reads about twenty files, makes one system call of each kind and one call to the runtime.
// `runtime` and `configuration` may be null. Fails only if /proc or the topology cannot be read.
// Thread-safe.
absl::StatusOr<AgentStatus> RunSelfTest(const EngineContext& context, ContainerResources* runtime,
                                        const ConfigurationSource* configuration = nullptr);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_HEALTH_SELF_TEST_H_
