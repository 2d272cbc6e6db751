#include "agent/engine/health/findings.h"

#include <algorithm>
#include <initializer_list>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/log.h"

namespace numalocality {
namespace {

// What to do about a security module that denies access to a process with this label.
std::string AdviceForLabel(absl::string_view label) {
  if (std::count(label.begin(), label.end(), ':') >= 2) {
    return "Run the agent's container as SELinux type spc_t (seLinuxOptions: {type: spc_t})";
  }
  if (!label.empty() && label != "unconfined") {
    return "Run the agent's container without an AppArmor profile (appArmorProfile: {type: "
           "Unconfined}, or the annotation before Kubernetes 1.30)";
  }
  return "Find the denials in the host's audit log, and allow these accesses";
}

void CheckPrivileges(const AgentStatus& status, std::vector<Finding>& findings) {
  const Privileges& privileges = status.privileges;
  if (!status.move_pages.ok()) {
    const bool filtered = privileges.seccomp == SeccompMode::kFilter;
    findings.push_back(
        {Severity::kError, "move_pages_denied",
         absl::StrCat("Pages cannot be located or moved: ", status.move_pages.message(),
                      filtered ? "; the system call is denied by the seccomp filter" : ""),
         "Run the agent under a seccomp profile that allows move_pages; the default profiles of "
         "containerd and CRI-O do not"});
  }
  if (!privileges.effective.Has(Capability::kSysPtrace)) {
    findings.push_back({Severity::kError, "no_sys_ptrace",
                        "Memory of other users' processes cannot be located or moved: "
                        "CAP_SYS_PTRACE is missing",
                        "Add SYS_PTRACE to the capabilities of the agent's container"});
  } else if (status.move_pages.ok() && !status.others.ok()) {
    findings.push_back({Severity::kError, "security_module_denies",
                        absl::StrCat("Memory of other users' processes cannot be located or moved, "
                                     "although the agent has CAP_SYS_PTRACE: ",
                                     status.others.message(), "; a security module denies it",
                                     privileges.security_label.empty()
                                         ? ""
                                         : absl::StrCat(" to ", privileges.security_label)),
                        AdviceForLabel(privileges.security_label)});
  } else if (status.scan_method == ScanMethod::kQuery) {
    const bool is_forbidden = privileges.effective.ReadsAllFiles();
    findings.push_back(
        {Severity::kWarning, "slow_scans",
         absl::StrCat("Scans are slow, because they query every mapped address: the agent cannot "
                      "read /proc/PID/pagemap, ",
                      is_forbidden ? "not even that of process 1; a security module denies it"
                                   : "because CAP_DAC_READ_SEARCH is missing"),
         is_forbidden ? "Find the denials in the host's audit log (AppArmor, SELinux), and allow "
                        "these accesses"
                      : "Add DAC_READ_SEARCH to the capabilities of the agent's container"});
  }
  if (!privileges.effective.Has(Capability::kSysNice)) {
    findings.push_back(
        {Severity::kNote, "no_sys_nice",
         "Pages that several processes map cannot be moved (sharing rules 'owned' and 'all'): "
         "CAP_SYS_NICE is missing",
         "If you need these rules, add SYS_NICE to the capabilities of the agent's container"});
  }
}

void CheckSurroundings(const AgentStatus& status, std::vector<Finding>& findings) {
  const NodeSet missing = status.memory_nodes - status.privileges.allowed_nodes;
  if (!missing.empty()) {
    findings.push_back(
        {Severity::kError, "nodes_not_allowed",
         absl::StrCat("No memory can be moved to node ", missing.ToString(),
                      ": the agent's own cpuset allows node ",
                      status.privileges.allowed_nodes.ToString(), " only"),
         "Run the agent in a pod without exclusive CPUs and memory (any QoS class except "
         "Guaranteed), or add all memory nodes to the cpuset.mems of its cgroup"});
  }
  if (!status.cgroups.ok()) {
    findings.push_back({Severity::kError, "no_cgroups",
                        absl::StrCat("No container can be found: ", status.cgroups.message()),
                        "Mount the host's /sys/fs/cgroup into the agent's container"});
  }
  if (!status.only_pod.empty()) {
    findings.push_back({Severity::kNote, "only_own_pod",
                        absl::StrCat("Only the agent's own pod, ", status.only_pod,
                                     ", is served: the agent cannot see processes of other pods"),
                        "Set hostPID in the agent's pod if it should serve the whole machine"});
  } else if (!status.privileges.in_host_pid_namespace) {
    findings.push_back({Severity::kWarning, "not_host_pid_namespace",
                        "Processes outside the agent's PID namespace are not served: the agent "
                        "cannot see them, because its namespace is not the host's",
                        "Set hostPID in the agent's pod; ignore this where the Kubernetes node is "
                        "itself a container, as with kind"});
  }
  if (!status.runtime.has_value()) {
    findings.push_back({Severity::kNote, "no_runtime",
                        "Migrations cannot keep memory on its target by cpuset.mems (stick): no "
                        "container runtime is configured",
                        "If you need this, start the agent with --cri-socket"});
  } else if (!status.runtime->answer.ok()) {
    findings.push_back({Severity::kWarning, "runtime_fails",
                        absl::StrCat("Migrations cannot keep memory on its target by cpuset.mems "
                                     "(stick): ",
                                     status.runtime->answer.status().message()),
                        "Check that --cri-socket is right, that the socket is mounted into the "
                        "agent's container, and that the runtime is running"});
  }
}

// Whether one of these sources exists; a source that exists and fails has its own finding.
bool HasSource(const AgentStatus& status, std::initializer_list<absl::string_view> ids) {
  return std::any_of(
      status.name_sources.begin(), status.name_sources.end(), [&](const SourceStatus& source) {
        return !source.IsAbsent() && std::find(ids.begin(), ids.end(), source.id) != ids.end();
      });
}

void CheckNameSources(const AgentStatus& status, std::vector<Finding>& findings) {
  for (const SourceStatus& source : status.name_sources) {
    if (source.last_read.ok() || source.IsAbsent()) continue;
    findings.push_back(
        {Severity::kWarning, "name_source_fails",
         absl::StrCat("Names, labels or assignments of containers may be out of date: "
                      "cannot read ",
                      source.name, ": ", source.last_read.message()),
         "Check that this source is running and that the agent may read it; the "
         "agent tries again by itself"});
  }
  if (!HasSource(status, {"cri"})) {
    findings.push_back({Severity::kNote, "no_labels",
                        "Labels and annotations of pods are not known, so policies that select by "
                        "them repair nothing: no container runtime is available",
                        "If you need such policies, start the agent with --cri-socket"});
  }
  if (!HasSource(status, {"cri", "pod_logs"})) {
    findings.push_back({Severity::kNote, "no_pod_names",
                        "Names of pods are not known, so they are shown by UID and container id: "
                        "neither a container runtime nor /var/log/pods can be read",
                        "Mount the host's /var/log into the agent's container, read-only"});
  }
  if (!HasSource(status, {"pod_resources", "kubelet_state"})) {
    findings.push_back(
        {Severity::kNote, "no_assignments",
         "The CPUs and memory that kubelet has assigned to containers are not known: "
         "neither its pod-resources socket nor its state files can be read",
         "Mount the host's /var/lib/kubelet into the agent's container, read-only"});
  }
}

void CheckChanges(const AgentStatus& status, std::vector<Finding>& findings) {
  if (!status.changes.has_value() || status.changes->ok()) return;
  findings.push_back({Severity::kWarning, "changes_not_watched",
                      absl::StrCat("Changes of containers and their CPUs are noticed only once per "
                                   "period: ",
                                   status.changes->message()),
                      "Raise sysctl fs.inotify.max_user_watches; if the message names "
                      "fs.inotify.max_user_instances, raise that one and restart the agent"});
}

void CheckStalledCalls(const AgentStatus& status, std::vector<Finding>& findings) {
  for (const StalledCall& stalled : status.stalled_calls) {
    findings.push_back(
        {Severity::kWarning, "call_stalled",
         absl::StrCat("The ", stalled.work, " makes no progress: ", stalled.call,
                      " has not returned from the kernel since ",
                      absl::FormatTime("%H:%M:%S UTC", stalled.since, absl::UTCTimeZone())),
         "Look for a real-time task that never leaves a CPU, and for a file system or device that "
         "does not answer (/proc/PID/stack of the process); the agent serves all other workloads "
         "meanwhile"});
  }
}

void CheckDevicePlugin(const AgentStatus& status, std::vector<Finding>& findings) {
  if (!status.device_plugin.has_value() || status.device_plugin->last_read.ok()) return;
  findings.push_back(
      {Severity::kWarning, "device_plugin_fails",
       absl::StrCat("Pods cannot get the self socket by the resource numa-locality.io/self: ",
                    status.device_plugin->last_read.message()),
       "Check that kubelet runs, and that its directory device-plugins is mounted into the agent's "
       "container, writable; the agent tries again by itself. Or set self.devicePlugin to false"});
}

void CheckConfiguration(const AgentStatus& status, std::vector<Finding>& findings) {
  const ConfigurationStatus& configuration = status.configuration;
  if (!configuration.restart_keys.empty()) {
    findings.push_back(
        {Severity::kWarning, "restart_needed",
         absl::StrCat("Some new settings of the configuration file ", configuration.path,
                      " are not used yet, because the agent reads them at its start: ",
                      absl::StrJoin(configuration.restart_keys, ", ")),
         "Restart the agent"});
  }
  const bool never_was = configuration.load_time == absl::InfinitePast();
  if (configuration.error.empty()) {
    if (configuration.path.empty() || !never_was) return;
    findings.push_back(
        {Severity::kNote, "no_configuration",
         absl::StrCat("The agent repairs nothing by policy, and serves neither metrics "
                      "nor health checks: there is no configuration file ",
                      configuration.path),
         "If you need these, create the file, or mount a ConfigMap there"});
    return;
  }
  const absl::string_view in_force =
      !never_was ? " is not used; the agent keeps the previous configuration: "
      : configuration.only_valid_sections
          ? " is invalid; the agent repairs nothing, and uses only those of its sections that were "
            "valid by themselves when it started: "
          : " is not used; the agent repairs nothing, and uses the built-in defaults: ";
  findings.push_back(
      {never_was ? Severity::kError : Severity::kWarning, "configuration_not_used",
       absl::StrCat("The configuration file ", configuration.path, in_force, configuration.error),
       "Fix the file; the agent reloads it by itself ('numa-locality-agent --check-config --config "
       "FILE' checks it beforehand)"});
}

void CheckKernel(const AgentStatus& status, std::vector<Finding>& findings) {
  if (status.numa_balancing) {
    findings.push_back(
        {Severity::kWarning, "numa_balancing",
         "The kernel may move pages back after a migration: automatic NUMA balancing "
         "is on",
         "Set sysctl kernel.numa_balancing=0, or use stick in migrations and "
         "policies"});
  }
  if (status.numa_balancing && status.kernel.IsAtLeast(6, 1) && !status.kernel.IsAtLeast(6, 6)) {
    findings.push_back(
        {Severity::kWarning, "marked_pages_stay",
         absl::StrCat("Pages that automatic NUMA balancing has marked are not moved, and count as "
                      "busy: Linux ",
                      status.kernel.text, " does not report their nodes"),
         "Set sysctl kernel.numa_balancing=0, and migrate again after the processes have used "
         "their memory, which removes the marks; or use Linux 6.6 or later"});
  }
  if (!status.kernel.IsAtLeast(6, 3)) {
    findings.push_back(
        {Severity::kNote, "kernel_moves_slowly",
         absl::StrCat("Memory of busy processes moves many times slower than on newer "
                      "kernels: Linux ",
                      status.kernel.text, " flushes TLBs for each page"),
         "Use Linux 6.3 or later, or hold the processes during the move (hold)"});
  }
  if (!status.pagemap_scan) {
    findings.push_back({Severity::kNote, "no_pagemap_scan",
                        absl::StrCat("Scans are slower than on newer kernels: Linux ",
                                     status.kernel.text, " has no PAGEMAP_SCAN ioctl"),
                        "Use Linux 6.7 or later"});
  }
}

}  // namespace

std::vector<Finding> FindingsOf(const AgentStatus& status) {
  std::vector<Finding> findings;
  CheckPrivileges(status, findings);
  CheckSurroundings(status, findings);
  CheckNameSources(status, findings);
  CheckChanges(status, findings);
  CheckStalledCalls(status, findings);
  CheckDevicePlugin(status, findings);
  CheckConfiguration(status, findings);
  CheckKernel(status, findings);
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity < b.severity; });
  return findings;
}

void LogFindings(const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    const std::string text = absl::StrCat(finding.message, ". ", finding.advice, ".");
    if (finding.severity == Severity::kError) LogError(text);
    if (finding.severity == Severity::kWarning) LogWarning(text);
  }
}

}  // namespace numalocality
