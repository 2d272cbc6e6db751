#include "agent/engine/report/explainer.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "agent/base/status.h"
#include "agent/engine/report/process_facts.h"
#include "agent/engine/workload/node_room.h"
#include "agent/engine/workload/sharing_proof.h"
#include "agent/model/page_span.h"
#include "agent/os/act/numa_balancing.h"
#include "agent/os/base/running_kernel.h"
#include "agent/os/pages/page_sample.h"
#include "agent/os/process/same_memory.h"

namespace numalocality {
namespace {

// Bytes of an address space, estimated by the pages that were read; includes those on kHiddenNode.
MemoryByNode MemoryOf(const ProcessFacts& process, int64_t page_bytes) {
  MemoryByNode memory;
  if (process.sampled_pages == 0) return memory;
  const double bytes_per_page = static_cast<double>(page_bytes) *
                                static_cast<double>(process.resident_pages) /
                                static_cast<double>(process.sampled_pages);
  for (const auto& [of, pages] : process.pages) {
    memory.Add(of.node, of.kind, std::llround(static_cast<double>(pages) * bytes_per_page));
  }
  return memory;
}

MemoryByNode Located(MemoryByNode memory) {
  memory.nodes.erase(kHiddenNode);
  return memory;
}

// Sets the placement's memory by pages, for a workload without counters.
void CountPages(ExplanationFacts& facts) {
  facts.placement.source = PlacementSource::kPageScan;
  for (const ProcessFacts& process : facts.processes) {
    const MemoryByNode memory = MemoryOf(process, facts.topology.page_bytes);
    facts.placement.memory.Add(Located(memory));
    facts.placement.unlocated_bytes += memory.BytesOn({kHiddenNode}, kPrivateKinds);
  }
}

void AddProcessPlacements(ExplanationFacts& facts) {
  const bool differ =
      std::any_of(facts.processes.begin(), facts.processes.end(), [&](const ProcessFacts& process) {
        return process.home_nodes != facts.processes.front().home_nodes;
      });
  if (!differ) return;
  for (const ProcessFacts& process : facts.processes) {
    facts.placement.processes.push_back({process.id, process.cpus, process.home_nodes,
                                         Located(MemoryOf(process, facts.topology.page_bytes)),
                                         process.sampled_pages});
  }
}

}  // namespace

absl::StatusOr<PlacementExplanation> Explainer::Explain(
    const Workload& workload, const Topology& topology, bool complete,
    absl::FunctionRef<bool()> is_cancelled) const {
  const bool has_counters = !workload.process.has_value();
  ExplanationFacts facts;
  facts.topology = topology;
  facts.complete = complete;
  NL_ASSIGN_OR_RETURN(
      facts.placement,
      reader_.Read(workload, topology, has_counters ? PlacementView::kBasic : PlacementView::kHome,
                   is_cancelled));
  const absl::Status read = AddProcesses(workload, is_cancelled, facts);
  if (absl::IsResourceExhausted(read)) {
    facts.placement.state = PlacementState::kTooLarge;
    facts.placement.state_message = std::string(read.message());
  } else {
    NL_RETURN_IF_ERROR(read);
  }
  const bool is_complete = facts.placement.state == PlacementState::kComplete;
  if (!has_counters && facts.processes.empty() && is_complete) {
    return absl::NotFoundError(workload.ToString() + ": has exited");
  }
  if (!has_counters) CountPages(facts);
  AddProcessPlacements(facts);
  NL_RETURN_IF_ERROR(AddMachine(workload, facts));
  return numalocality::Explain(std::move(facts));
}

absl::Status Explainer::AddProcesses(const Workload& workload,
                                     absl::FunctionRef<bool()> is_cancelled,
                                     ExplanationFacts& facts) const {
  ReadBudget budget(kRequestLimits, context_.clock, [is_cancelled] { return is_cancelled(); });
  NL_ASSIGN_OR_RETURN(const WorkloadProcesses processes, finder_.ListProcesses(workload, budget));
  NL_ASSIGN_OR_RETURN(const auto groups,
                      GroupBySameMemory(context_.kernel, context_.host, processes.pids, budget));
  std::optional<SharingProof> proof;
  const auto prove = [&]() -> const SharingProof& {
    if (!proof.has_value()) {
      proof = SharingProof::Take(context_.kernel, context_.clock, context_.host, workload,
                                 processes.pids, [is_cancelled] { return is_cancelled(); });
      facts.sharing_note = proof->note();
    }
    return *proof;
  };
  std::optional<size_t> max_pages;
  if (!facts.complete) max_pages = SamplePagesOfEach(groups.size());
  const ProcessScan scan{max_pages, prove, is_cancelled, budget};
  for (const std::vector<pid_t>& sharers : groups) {
    // All have the same memory: the first process that still exists shows it.
    for (const pid_t pid : sharers) {
      if (is_cancelled()) return absl::CancelledError("the caller has cancelled");
      const auto process = finder_.OpenProcess(context_.kernel, workload, pid);
      if (absl::IsNotFound(process.status())) continue;
      if (!process.ok()) return process.status();
      auto read = ReadProcessFacts(context_, facts.topology, *process, scan, facts.machine);
      if (absl::IsNotFound(read.status())) continue;
      if (!read.ok()) return WithContext(read.status(), absl::StrCat("process ", pid));
      facts.processes.push_back(*std::move(read));
      break;
    }
  }
  return absl::OkStatus();
}

absl::Status Explainer::AddMachine(const Workload& workload, ExplanationFacts& facts) const {
  NodeRoom room(context_.host, facts.topology);
  const HostLimits limits = sources_.limits ? sources_.limits() : context_.limits;
  NL_RETURN_IF_ERROR(room.Read(limits.room));
  for (const NodeId node : facts.placement.home_nodes) {
    facts.space[node] = {room.On(node).pages * facts.topology.page_bytes, room.Describe(node)};
  }
  if (sources_.stuck_bytes) facts.stuck_bytes = sources_.stuck_bytes(facts.placement);
  CircumstanceFacts& machine = facts.machine;
  if (sources_.assignment) machine.assignment = sources_.assignment(workload);
  if (const auto kernel = ReadKernelRelease(context_.host); kernel.ok()) {
    machine.kernel_major = kernel->major;
    machine.kernel_minor = kernel->minor;
  } else {
    machine.unread.insert("the kernel's release");
  }
  const auto balancing = ReadNumaBalancing(context_.host);
  machine.balancing = balancing.value_or(0) != 0;
  // Kernels without automatic NUMA balancing do not have the setting.
  if (!balancing.ok() && !absl::IsNotFound(balancing.status())) {
    machine.unread.insert("the setting of automatic NUMA balancing");
  }
  return absl::OkStatus();
}

}  // namespace numalocality
