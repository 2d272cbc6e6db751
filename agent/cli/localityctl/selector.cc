#include "agent/cli/localityctl/selector.h"

#include "agent/cli/arguments.h"

namespace numalocality {

void AddSelectorOptions(CLI::App& app, SelectorOptions& options) {
  constexpr char kGroup[] = "Which workload";
  auto* pod = app.add_option("--pod", options.pod_uid, "Containers of the pod with this UID")
                  ->type_name("UID")
                  ->group(kGroup);
  auto* container = app.add_option("--container", options.container_id,
                                   "Container by its id, or the first 8 or more characters of it; "
                                   "alone, or of --pod")
                        ->type_name("ID")
                        ->group(kGroup);
  auto* cgroup = app.add_option("--cgroup", options.cgroup_path,
                                "Any cgroup by its path, such as /system.slice/mysql.service")
                     ->type_name("PATH")
                     ->group(kGroup)
                     ->excludes(pod)
                     ->excludes(container);
  AddParsedOption(app, "--pid", ParsePid, options.pid, "One process, not its container")
      ->type_name("PID")
      ->group(kGroup)
      ->excludes(pod)
      ->excludes(container)
      ->excludes(cgroup);
}

v1::WorkloadSelector ToSelector(const SelectorOptions& options) {
  v1::WorkloadSelector selector;
  if (!options.pod_uid.empty()) {
    selector.mutable_pod()->set_uid(options.pod_uid);
    selector.mutable_pod()->set_container_id(options.container_id);
  } else if (!options.container_id.empty()) {
    selector.set_container_id(options.container_id);
  } else if (!options.cgroup_path.empty()) {
    selector.set_cgroup_path(options.cgroup_path);
  } else if (options.pid != 0) {
    selector.set_pid(options.pid);
  }
  return selector;
}

}  // namespace numalocality
