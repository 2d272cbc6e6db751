#include "agent/model/circumstance.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/units.h"

namespace numalocality {
namespace {

bool IsAtLeast(const CircumstanceFacts& facts, int major, int minor) {
  return std::pair(facts.kernel_major, facts.kernel_minor) >= std::pair(major, minor);
}

void AddCpuset(const CircumstanceFacts& facts, const WorkloadPlacement& placement,
               std::vector<Circumstance>& out) {
  const NodeSet missing = placement.home_nodes - placement.allowed_nodes;
  if (missing.empty() || placement.allowed_nodes.empty()) return;
  const std::string mismatch =
      absl::StrCat("cpuset.mems allows node ", placement.allowed_nodes.ToString(),
                   ", while its CPUs are on node ", placement.home_nodes.ToString(), ": ");
  constexpr char kSetAgain[] =
      "Have its owner set cpuset.mems again; or migrate with --stick cpuset-mems, which first adds "
      "the home nodes and then restricts it to them";
  if (!placement.workload.container.has_value()) {
    out.push_back({"cpuset_excludes_home", mismatch + "set by whoever configured this cgroup",
                   "Add the home nodes to its cpuset.mems (systemd: AllowedMemoryNodes=)"});
  } else if (!facts.assignment.has_value()) {
    out.push_back({"cpuset_excludes_home",
                   mismatch + "set by kubelet's memory manager (its assignments are unknown), an "
                              "NRI plugin or a DRA driver",
                   kSetAgain});
  } else if (facts.assignment->memory_nodes == placement.allowed_nodes) {
    out.push_back({"cpuset_excludes_home",
                   mismatch +
                       "kubelet's memory manager assigned it when the container was created, and "
                       "does not update it when the CPUs change",
                   "Restart the pod, so that kubelet assigns CPUs and memory together"});
  } else {
    out.push_back({"cpuset_excludes_home",
                   mismatch + "not set by kubelet's memory manager, but by an NRI plugin, a DRA "
                              "driver or another client of the container runtime",
                   kSetAgain});
  }
}

void AddAssignment(const CircumstanceFacts& facts, const WorkloadPlacement& placement,
                   const Topology& topology, std::vector<Circumstance>& out) {
  if (!facts.assignment.has_value()) return;
  const CpuSet& cpus = facts.assignment->exclusive_cpus;
  if (!cpus.empty() && !placement.cpus.empty() && cpus != placement.cpus) {
    out.push_back(
        {"cpus_not_as_assigned",
         absl::StrCat("kubelet has assigned it CPUs ", cpus.ToString(), " (node ",
                      topology.HomeNodes(cpus).ToString(),
                      ") exclusively, but its threads may run on ", placement.cpus.ToString(),
                      " (node ", placement.home_nodes.ToString(),
                      "): something else has changed their affinity or its cpuset"),
         "If the change is not intended, restart kubelet: it does not notice the change "
         "otherwise"});
  }
  const NodeSet& nodes = facts.assignment->memory_nodes;
  if (!nodes.empty() && (nodes & placement.home_nodes).empty() &&
      nodes != placement.allowed_nodes) {
    out.push_back(
        {"memory_assigned_elsewhere",
         absl::StrCat("kubelet's memory manager has assigned it memory on node ", nodes.ToString(),
                      ", while its CPUs are on node ", placement.home_nodes.ToString()),
         "Restart the pod, so that kubelet assigns CPUs and memory together"});
  }
}

void AddKernel(const CircumstanceFacts& facts, std::vector<Circumstance>& out) {
  if (facts.balancing) {
    out.push_back({"numa_balancing",
                   "automatic NUMA balancing is on: the kernel moves pages to the CPUs that use "
                   "them, and may undo a migration",
                   "Set sysctl kernel.numa_balancing=0, or migrate with --stick cpuset-mems"});
  }
  if (facts.kernel_major == 0) return;
  if (facts.balancing && IsAtLeast(facts, 6, 1) && !IsAtLeast(facts, 6, 6)) {
    out.push_back(
        {"marked_pages_hidden",
         "before Linux 6.6, pages that automatic NUMA balancing has marked cannot be located or "
         "moved, and are missing from samples",
         "Set sysctl kernel.numa_balancing=0, or use Linux 6.6 or later"});
  }
  if (!IsAtLeast(facts, 5, 15)) {
    out.push_back({"cpuset_change_moves_nothing",
                   "before Linux 5.15, memory stays where it is when cpuset.mems changes",
                   "Migrate after each change, or use Linux 5.15 or later"});
  }
}

}  // namespace

std::vector<Circumstance> CircumstancesOf(const CircumstanceFacts& facts,
                                          const WorkloadPlacement& placement,
                                          const Topology& topology) {
  std::vector<Circumstance> out;
  if (placement.state == PlacementState::kTooLarge) {
    out.push_back({"too_large",
                   absl::StrCat("it is ", WordsOf(placement.state),
                                ", so its processes' memory is known only in part: ",
                                placement.state_message),
                   std::string(AdviceOf(placement.state))});
  }
  if (placement.home_nodes.empty()) {
    out.push_back({"no_home_nodes",
                   "it has no home nodes: its CPUs are not on or near a node with memory",
                   "Check the machine's nodes with 'localityctl topology'"});
  }
  AddCpuset(facts, placement, out);
  AddAssignment(facts, placement, topology, out);
  AddKernel(facts, out);
  if (facts.swapped_bytes > 0) {
    out.push_back({"swapped",
                   absl::StrCat(FormatBytes(facts.swapped_bytes),
                                " are swapped out: they are on no node until they are used, then "
                                "on the node of the CPU that uses them, if it has room"),
                   "Do nothing, or add memory"});
  }
  if (placement.hidden_process_count > 0) {
    out.push_back({"hidden_processes",
                   absl::StrCat(placement.hidden_process_count,
                                " of its processes are outside the agent's PID namespace: the "
                                "agent cannot explain their memory"),
                   "Set hostPID in the agent's pod"});
  }
  if (!facts.unread.empty()) {
    out.push_back(
        {"facts_unread",
         absl::StrCat("some circumstances are unknown, because these facts could not be read: ",
                      absl::StrJoin(facts.unread, ", ")),
         "Run 'localityctl doctor', which shows missing permissions"});
  }
  return out;
}

}  // namespace numalocality
