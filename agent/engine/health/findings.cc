#include "agent/engine/health/findings.h"

#include <algorithm>
#include <initializer_list>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace numalocality {
namespace {

// What to do about a security module that is in the way of a process with this label.
std::string LetThrough(absl::string_view label) {
  if (std::count(label.begin(), label.end(), ':') >= 2) {
    return "Run the agent's container as SELinux type spc_t (seLinuxOptions: {type: spc_t})";
  }
  if (!label.empty() && label != "unconfined") {
    return "Run the agent's container without an AppArmor profile (appArmorProfile: {type: "
           "Unconfined}, or the annotation before Kubernetes 1.30)";
  }
  return "Look for denials in the host's audit log";
}

void CheckPrivileges(const AgentStatus& status, std::vector<Finding>& findings) {
  const Privileges& privileges = status.privileges;
  if (!status.move_pages.ok()) {
    const bool filtered = privileges.seccomp == SeccompMode::kFilter;
    findings.push_back(
        {Severity::kError,
         absl::StrCat("No page can be looked up or moved: ", status.move_pages.message(),
                      filtered ? ", by the seccomp filter" : ""),
         "Run the agent under a seccomp profile that allows move_pages: the default profiles of "
         "containerd and CRI-O do not"});
  }
  if (!privileges.effective.Has(Capability::kSysPtrace)) {
    findings.push_back({Severity::kError,
                        "Processes of other users are out of reach: CAP_SYS_PTRACE is missing",
                        "Add SYS_PTRACE to the capabilities of the agent's container"});
  } else if (status.move_pages.ok() && !status.others.ok()) {
    findings.push_back({Severity::kError,
                        absl::StrCat("Processes of other users are out of reach, although "
                                     "CAP_SYS_PTRACE is there: ",
                                     status.others.message(), ": a security module forbids it",
                                     privileges.security_label.empty()
                                         ? ""
                                         : absl::StrCat(" to ", privileges.security_label)),
                        LetThrough(privileges.security_label)});
  } else if (status.scan_method == ScanMethod::kQuery) {
    const bool is_forbidden = privileges.effective.ReadsAllFiles();
    findings.push_back(
        {Severity::kWarning,
         absl::StrCat("Pages are found by asking for every mapped address, which is slow: pagemap "
                      "may not be read, ",
                      is_forbidden ? "not even that of process 1: a security module forbids it"
                                   : "as CAP_DAC_READ_SEARCH is missing"),
         is_forbidden ? "Look for denials in the host's audit log (AppArmor, SELinux)"
                      : "Add DAC_READ_SEARCH to the capabilities of the agent's container"});
  }
  if (!privileges.effective.Has(Capability::kSysNice)) {
    findings.push_back(
        {Severity::kNote,
         "Pages that several processes map stay where they are, whatever a request's "
         "sharing rule: CAP_SYS_NICE is missing",
         "Add SYS_NICE to the capabilities of the agent's container, if the rules "
         "'owned' and 'all' are wanted"});
  }
}

void CheckSurroundings(const AgentStatus& status, std::vector<Finding>& findings) {
  const NodeSet missing = status.memory_nodes - status.privileges.allowed_nodes;
  if (!missing.empty()) {
    findings.push_back(
        {Severity::kError,
         absl::StrCat("No memory can be moved to node ", missing.ToString(),
                      ": the agent's own cpuset allows node ",
                      status.privileges.allowed_nodes.ToString(), " only"),
         "Run the agent in a pod without exclusive CPUs and memory (not in class Guaranteed), or "
         "give its cgroup all memory nodes"});
  }
  if (!status.cgroups.ok()) {
    findings.push_back({Severity::kError,
                        absl::StrCat("No container can be found: ", status.cgroups.message()),
                        "Mount the host's /sys/fs/cgroup into the agent's container"});
  }
  if (!status.only_pod.empty()) {
    findings.push_back({Severity::kNote,
                        absl::StrCat("Only the agent's own pod, ", status.only_pod,
                                     ", is served: it does not see the processes of others"),
                        "Set hostPID in the agent's pod, if it is to serve the node"});
  } else if (!status.privileges.in_host_pid_namespace) {
    findings.push_back({Severity::kWarning,
                        "Processes outside the agent's PID namespace are not seen, and that is not "
                        "the machine's first",
                        "Set hostPID in the agent's pod; where the node is itself a container, as "
                        "with kind, this is as it should be"});
  }
  if (!status.runtime.has_value()) {
    findings.push_back({Severity::kNote,
                        "Memory cannot be made to stay by cpuset.mems (stick): no container "
                        "runtime is configured",
                        "Give the agent --cri-socket, if that is wanted"});
  } else if (!status.runtime->answer.ok()) {
    findings.push_back({Severity::kWarning,
                        absl::StrCat("Memory cannot be made to stay by cpuset.mems (stick): ",
                                     status.runtime->answer.status().message()),
                        "Check --cri-socket, and that the socket is mounted"});
  }
}

// Whether one of these sources is there; if it fails, that is a finding of its own.
bool HasSource(const AgentStatus& status, std::initializer_list<absl::string_view> ids) {
  return std::any_of(
      status.name_sources.begin(), status.name_sources.end(), [&](const SourceStatus& source) {
        return !source.IsAbsent() && std::find(ids.begin(), ids.end(), source.id) != ids.end();
      });
}

void CheckNameSources(const AgentStatus& status, std::vector<Finding>& findings) {
  for (const SourceStatus& source : status.name_sources) {
    if (source.last_read.ok() || source.IsAbsent()) continue;
    findings.push_back({Severity::kWarning,
                        absl::StrCat("What is known of pods may be old: ", source.name, ": ",
                                     source.last_read.message()),
                        "See that it runs, and that the agent may read it; it is asked again and "
                        "again"});
  }
  if (!HasSource(status, {"cri"})) {
    findings.push_back({Severity::kNote,
                        "Labels and annotations of pods are not known: policies that ask for them "
                        "repair nothing",
                        "Give the agent --cri-socket, if that is wanted"});
  }
  if (!HasSource(status, {"cri", "pod_logs"})) {
    findings.push_back({Severity::kNote,
                        "Names of pods are not known: they are told by UID and container id",
                        "Mount the host's /var/log into the agent's container, read only"});
  }
  if (!HasSource(status, {"pod_resources", "kubelet_state"})) {
    findings.push_back({Severity::kNote, "What kubelet has assigned to containers is not known",
                        "Mount the host's /var/lib/kubelet into the agent's container, read only"});
  }
}

void CheckChanges(const AgentStatus& status, std::vector<Finding>& findings) {
  if (!status.changes.has_value() || status.changes->ok()) return;
  findings.push_back({Severity::kWarning,
                      absl::StrCat("Changes of containers and their CPUs are noticed once a period "
                                   "only: ",
                                   status.changes->message()),
                      "Raise sysctl fs.inotify.max_user_watches, or "
                      "fs.inotify.max_user_instances and restart the agent"});
}

void CheckNetworkApi(const AgentStatus& status, std::vector<Finding>& findings) {
  if (!status.network_api.has_value() || status.network_api->ok()) return;
  findings.push_back(
      {Severity::kError,
       absl::StrCat("Clients cannot connect over the network: ", status.network_api->message()),
       "Mend that; the agent takes new files by itself, within seconds of when they are there"});
}

void CheckConfiguration(const AgentStatus& status, std::vector<Finding>& findings) {
  const ConfigurationStatus& configuration = status.configuration;
  if (!configuration.restart_keys.empty()) {
    findings.push_back({Severity::kWarning,
                        absl::StrCat("What the configuration file ", configuration.path,
                                     " says now is in force but for what is read at start only: ",
                                     absl::StrJoin(configuration.restart_keys, ", ")),
                        "Restart the agent"});
  }
  const bool never_was = configuration.load_time == absl::InfinitePast();
  if (configuration.error.empty()) {
    if (configuration.path.empty() || !never_was) return;
    findings.push_back({Severity::kNote,
                        absl::StrCat("Nothing is repaired by policy, and there is no port for "
                                     "metrics and health: there is no configuration file ",
                                     configuration.path),
                        "Mount a ConfigMap there, or write the file, if that is wanted"});
    return;
  }
  findings.push_back(
      {Severity::kWarning,
       absl::StrCat("The configuration file ", configuration.path,
                    never_was ? " is not in force, and the built-in defaults repair nothing: "
                              : " is not in force, what it said before still is: ",
                    configuration.error),
       "Correct the file; the agent reads it again by itself ('numa-locality-agent --check-config "
       "--config FILE' tells before that)"});
}

void CheckKernel(const AgentStatus& status, std::vector<Finding>& findings) {
  if (status.numa_balancing) {
    findings.push_back({Severity::kWarning,
                        "Pages may be moved back: automatic NUMA balancing is on",
                        "Set sysctl kernel.numa_balancing=0, or let migrations stick"});
  }
  if (status.numa_balancing && status.kernel.IsAtLeast(6, 1) && !status.kernel.IsAtLeast(6, 6)) {
    findings.push_back(
        {Severity::kWarning,
         absl::StrCat("Pages that automatic NUMA balancing has marked are not moved, and count as "
                      "busy: Linux ",
                      status.kernel.text, " does not tell where they are"),
         "Set sysctl kernel.numa_balancing=0, and migrate again once the processes have used their "
         "memory, which takes the marks away; or use Linux 6.6 or later"});
  }
  if (!status.kernel.IsAtLeast(6, 3)) {
    findings.push_back({Severity::kNote,
                        absl::StrCat("Memory of busy processes moves many times slower than it "
                                     "could: Linux ",
                                     status.kernel.text, " flushes TLBs page by page"),
                        "Use Linux 6.3 or later, or hold the processes while they are moved"});
  }
  if (!status.pagemap_scan) {
    findings.push_back({Severity::kNote,
                        absl::StrCat("Pages are found more slowly than they could be: Linux ",
                                     status.kernel.text, " has no PAGEMAP_SCAN"),
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
  CheckNetworkApi(status, findings);
  CheckConfiguration(status, findings);
  CheckKernel(status, findings);
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity < b.severity; });
  return findings;
}

}  // namespace numalocality
