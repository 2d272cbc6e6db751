#include "agent/engine/workload/placement_reader.h"

#include <string>
#include <utility>
#include <vector>

#include "agent/base/status.h"
#include "agent/os/cgroup/cgroup_dir.h"
#include "agent/os/pages/page_scanner.h"
#include "agent/os/process/same_memory.h"

namespace numalocality {

absl::StatusOr<WorkloadPlacement> PlacementReader::Read(const Workload& workload,
                                                        const Topology& topology,
                                                        PlacementView view,
                                                        absl::FunctionRef<bool()> is_cancelled,
                                                        const ReadLimits& limits) const {
  ReadBudget budget(limits, clock_, [is_cancelled] { return is_cancelled(); });
  WorkloadPlacement placement;
  placement.workload = workload;
  placement.read_time = clock_.Now();
  WorkloadProcesses processes;
  const absl::Status read = ReadProcesses(budget, processes, placement);
  const bool is_too_large = absl::IsResourceExhausted(read) && !workload.process.has_value() &&
                            view != PlacementView::kPages;
  if (is_too_large) {
    placement.state = PlacementState::kTooLarge;
    placement.state_message = std::string(read.message());
    placement.cpus = CpuSet();  // of some processes only
  } else {
    NL_RETURN_IF_ERROR(read);
  }
  if (workload.process.has_value()) {
    if (placement.process_count == 0) {
      return absl::NotFoundError(workload.ToString() + ": has exited");
    }
    NL_ASSIGN_OR_RETURN(const ProcessHandle process,
                        finder_.OpenProcess(kernel_, workload, workload.process->pid));
    NL_ASSIGN_OR_RETURN(placement.allowed_nodes, process.ReadAllowedNodes());
    if (view != PlacementView::kHome) {
      placement.source = PlacementSource::kPageScan;
      NL_RETURN_IF_ERROR(AddPages(process, topology, is_cancelled, budget, placement));
    }
  } else {
    NL_RETURN_IF_ERROR(ReadCgroup(workload, topology, view, placement));
    if (view == PlacementView::kPages) {
      if (is_too_large) return read;
      NL_RETURN_IF_ERROR(ReadPages(processes, topology, is_cancelled, budget, placement));
    }
  }
  placement.home_nodes = topology.HomeNodes(placement.cpus);
  return placement;
}

absl::Status PlacementReader::ReadCgroup(const Workload& workload, const Topology& topology,
                                         PlacementView& view, WorkloadPlacement& placement) const {
  NL_ASSIGN_OR_RETURN(const CgroupDir cgroup, finder_.OpenCgroup(workload));
  // Outside Kubernetes, a cgroup may lack the cpuset or the memory controller.
  const auto allowed = cgroup.ReadEffectiveNodes();
  if (!allowed.ok() && !absl::IsNotFound(allowed.status())) return allowed.status();
  placement.allowed_nodes = allowed.ok() ? *allowed : topology.MemoryNodes();
  if (placement.cpus.empty()) {
    const auto cpus = cgroup.ReadEffectiveCpus();
    if (!cpus.ok() && !absl::IsNotFound(cpus.status())) return cpus.status();
    if (cpus.ok()) placement.cpus = *cpus;
  }
  if (view != PlacementView::kBasic) return absl::OkStatus();
  const auto memory = cgroup.ReadMemory();
  if (absl::IsNotFound(memory.status())) {
    view = PlacementView::kPages;
    return absl::OkStatus();
  }
  if (!memory.ok()) return memory.status();
  placement.memory = *memory;
  return absl::OkStatus();
}

absl::Status PlacementReader::ReadProcesses(ReadBudget& budget, WorkloadProcesses& processes,
                                            WorkloadPlacement& placement) const {
  NL_ASSIGN_OR_RETURN(processes, finder_.ListProcesses(placement.workload, budget));
  placement.hidden_process_count = processes.hidden_count;
  placement.incomplete = processes.incomplete;
  for (const pid_t pid : processes.pids) {
    const auto threads = ReadThreads(kernel_, host_, pid, budget);
    if (absl::IsNotFound(threads.status())) {
      ++placement.vanished_process_count;
      continue;
    }
    if (!threads.ok()) return threads.status();
    placement.cpus = placement.cpus | threads->cpus;
    placement.thread_count += threads->thread_count;
    ++placement.process_count;
  }
  return absl::OkStatus();
}

absl::Status PlacementReader::ReadPages(const WorkloadProcesses& processes,
                                        const Topology& topology,
                                        absl::FunctionRef<bool()> is_cancelled, ReadBudget& budget,
                                        WorkloadPlacement& placement) const {
  placement.source = PlacementSource::kPageScan;
  NL_ASSIGN_OR_RETURN(const auto groups, GroupBySameMemory(kernel_, host_, processes.pids, budget));
  for (const std::vector<pid_t>& sharers : groups) {
    // All have the same memory: the first process that still exists shows it.
    for (const pid_t pid : sharers) {
      const auto process = finder_.OpenProcess(kernel_, placement.workload, pid);
      absl::Status status = process.ok()
                                ? AddPages(*process, topology, is_cancelled, budget, placement)
                                : process.status();
      if (status.ok()) break;
      if (!absl::IsNotFound(status)) return status;
    }
    if (is_cancelled()) return absl::CancelledError("the caller has cancelled");
  }
  return absl::OkStatus();
}

absl::Status PlacementReader::AddPages(const ProcessHandle& process, const Topology& topology,
                                       absl::FunctionRef<bool()> is_cancelled, ReadBudget& budget,
                                       WorkloadPlacement& placement) const {
  MemoryByNode by_node;
  int64_t unlocated_bytes = 0;
  NL_ASSIGN_OR_RETURN(const std::vector<Mapping> mappings, process.ReadMaps(budget));
  const absl::Duration start = clock_.Monotonic();
  NL_RETURN_IF_ERROR(PageScanner(kernel_, clock_, host_, topology.page_bytes)
                         .Scan(process, mappings, {kWholeAddressSpace}, kAllKinds,
                               [&](absl::Span<const PageSpan> spans) {
                                 for (const PageSpan& span : spans) {
                                   const int64_t bytes = span.pages * topology.page_bytes;
                                   if (span.node == kHiddenNode) {
                                     unlocated_bytes += bytes;
                                   } else {
                                     by_node.Add(span.node, span.kind, bytes);
                                   }
                                 }
                                 return !is_cancelled();
                               }));
  budget.Exclude(clock_.Monotonic() - start);
  if (is_cancelled()) return absl::CancelledError("the caller has cancelled");
  placement.memory.Add(by_node);
  placement.unlocated_bytes += unlocated_bytes;
  return absl::OkStatus();
}

}  // namespace numalocality
