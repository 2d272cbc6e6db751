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
  const std::string so =
      absl::StrCat("cpuset.mems allows node ", placement.allowed_nodes.ToString(),
                   ", while its CPUs are on node ", placement.home_nodes.ToString(), ": ");
  constexpr char kSetAnew[] =
      "Have its owner set it anew; or migrate with --stick cpuset-mems, which widens it first and "
      "then narrows it to the home nodes";
  if (!placement.workload.container.has_value()) {
    out.push_back(
        {so + "whoever set up this cgroup did so", "Widen it (systemd: AllowedMemoryNodes=)"});
  } else if (!facts.assignment.has_value()) {
    out.push_back({so + "who did that is not known, nor whether kubelet's memory manager assigns "
                        "nodes; else it was an NRI plugin or a DRA driver",
                   kSetAnew});
  } else if (facts.assignment->memory_nodes == placement.allowed_nodes) {
    out.push_back({so +
                       "kubelet's memory manager assigned it when the container was made, and does "
                       "not follow its CPUs",
                   "Restart the pod, so that kubelet assigns CPUs and memory together"});
  } else {
    out.push_back({so + "not by kubelet's memory manager, so by an NRI plugin, a DRA driver or "
                        "someone else who tells the container runtime",
                   kSetAnew});
  }
}

void AddAssignment(const CircumstanceFacts& facts, const WorkloadPlacement& placement,
                   const Topology& topology, std::vector<Circumstance>& out) {
  if (!facts.assignment.has_value()) return;
  const CpuSet& cpus = facts.assignment->exclusive_cpus;
  if (!cpus.empty() && !placement.cpus.empty() && cpus != placement.cpus) {
    out.push_back(
        {absl::StrCat("kubelet has assigned it CPUs ", cpus.ToString(), " (node ",
                      topology.HomeNodes(cpus).ToString(), ") alone, and its threads may run on ",
                      placement.cpus.ToString(), " (node ", placement.home_nodes.ToString(),
                      "): they, or its cpuset, were set by someone else since"),
         "If that was not meant to be: kubelet does not notice until it is restarted"});
  }
  const NodeSet& nodes = facts.assignment->memory_nodes;
  if (!nodes.empty() && (nodes & placement.home_nodes).empty() &&
      nodes != placement.allowed_nodes) {
    out.push_back(
        {absl::StrCat("kubelet's memory manager has assigned it memory of node ", nodes.ToString(),
                      ", while its CPUs are on node ", placement.home_nodes.ToString()),
         "Restart the pod, so that kubelet assigns CPUs and memory together"});
  }
}

void AddKernel(const CircumstanceFacts& facts, std::vector<Circumstance>& out) {
  if (facts.balancing) {
    out.push_back(
        {"automatic NUMA balancing is on: the kernel moves pages to the CPUs that use "
         "them, and may undo what a migration did",
         "Set sysctl kernel.numa_balancing=0, or let migrations stick"});
  }
  if (facts.kernel_major == 0) return;
  if (facts.balancing && IsAtLeast(facts, 6, 1) && !IsAtLeast(facts, 6, 6)) {
    out.push_back(
        {"pages that automatic NUMA balancing has marked cannot be located or moved "
         "before Linux 6.6, and are missing from samples",
         "Set sysctl kernel.numa_balancing=0, or use Linux 6.6 or later"});
  }
  if (!IsAtLeast(facts, 5, 15)) {
    out.push_back({"before Linux 5.15 memory stays where it is when cpuset.mems changes",
                   "Migrate after such changes, or use Linux 5.15 or later"});
  }
}

}  // namespace

std::vector<Circumstance> CircumstancesOf(const CircumstanceFacts& facts,
                                          const WorkloadPlacement& placement,
                                          const Topology& topology) {
  std::vector<Circumstance> out;
  if (placement.home_nodes.empty()) {
    out.push_back({"it has no home: its CPUs are on no node with memory near",
                   "Look at the machine with 'localityctl topology'"});
  }
  AddCpuset(facts, placement, out);
  AddAssignment(facts, placement, topology, out);
  AddKernel(facts, out);
  if (facts.swapped_bytes > 0) {
    out.push_back({absl::StrCat(FormatBytes(facts.swapped_bytes),
                                " are swapped out: on no node now, and back on the node of the "
                                "CPU that uses them next, if there is room"),
                   "Nothing; or more memory"});
  }
  if (placement.hidden_process_count > 0) {
    out.push_back({absl::StrCat(placement.hidden_process_count,
                                " of its processes are outside the agent's PID namespace: why "
                                "their memory is where it is cannot be said"),
                   "Set hostPID in the agent's pod"});
  }
  if (!facts.unread.empty()) {
    out.push_back(
        {absl::StrCat("not known, as it could not be read: ", absl::StrJoin(facts.unread, ", ")),
         "'localityctl doctor' tells what the agent may not do"});
  }
  return out;
}

}  // namespace numalocality
