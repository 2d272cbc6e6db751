#include "agent/engine/migrate/evacuation.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/engine/migrate/protection.h"
#include "agent/engine/workload/node_room.h"
#include "agent/engine/workload/unshared_pages.h"
#include "agent/engine/workload/workload_finder.h"

namespace numalocality {
namespace {

absl::Status CheckNodes(const Evacuation& evacuation, const Topology& topology) {
  const NodeSet memory = topology.MemoryNodes();
  if (!memory.Contains(evacuation.node)) {
    return absl::InvalidArgumentError(
        absl::StrCat("evacuation: node ", evacuation.node.value,
                     " has no memory; nodes with memory: ", memory.ToString()));
  }
  const NodeSet bad = evacuation.target_nodes - memory;
  if (!bad.empty() || evacuation.target_nodes.Contains(evacuation.node)) {
    return absl::InvalidArgumentError(
        absl::StrCat("evacuation: target nodes ", evacuation.target_nodes.ToString(),
                     ": choose other nodes with memory, out of ", memory.ToString()));
  }
  if (memory.size() > 1) return absl::OkStatus();
  return absl::FailedPreconditionError("evacuation: the machine has only one node with memory");
}

// Bytes charged to the workload on the node that will move, estimated from samples. Shared pages
// and pages that nobody maps stay.
int64_t MovableBytes(const EngineContext& context, const Workload& workload, NodeId node,
                     const Topology& topology, absl::FunctionRef<bool()> is_cancelled,
                     int64_t charged_bytes) {
  const auto pages = EstimateUnshared(context, workload, node, topology, is_cancelled);
  if (!pages.ok()) return charged_bytes;
  const auto unshared = static_cast<int64_t>(pages->unshared);
  return std::min(charged_bytes, unshared * topology.page_bytes);
}

}  // namespace

absl::StatusOr<std::map<NodeId, int64_t>> ReadRoom(const EngineContext& context,
                                                   const Topology& topology) {
  NodeRoom room(context.host, topology);
  NL_RETURN_IF_ERROR(room.Read(context.limits.room));
  std::map<NodeId, int64_t> bytes;
  for (const NodeId node : topology.MemoryNodes()) {
    bytes[node] = room.On(node).pages * topology.page_bytes;
  }
  return bytes;
}

void FitPlan(const EngineContext& context, const MigrationRequest& request,
             const Topology& topology, absl::FunctionRef<bool()> is_cancelled,
             std::map<NodeId, int64_t>& room_bytes, WorkloadMigration& planned) {
  if (planned.pages_planned == 0) return;
  if (request.spec.sharing == SharingRule::kNever) {
    const auto pages = EstimateUnshared(context, planned.workload, request.evacuation->node,
                                        topology, is_cancelled);
    if (pages.ok()) LeaveShared(pages->UnsharedFraction(), topology.page_bytes, planned);
  }
  FitRoom(room_bytes, topology.page_bytes, planned);
}

absl::StatusOr<std::vector<PlannedMove>> FindEvacuation(const EngineContext& context,
                                                        const Topology& topology,
                                                        const MigrationRequest& request,
                                                        absl::FunctionRef<bool()> is_cancelled) {
  const Evacuation& evacuation = *request.evacuation;
  const MigrationSpec& spec = request.spec;
  NL_RETURN_IF_ERROR(CheckNodes(evacuation, topology));
  const WorkloadFinder finder(context.host, context.names);
  NL_ASSIGN_OR_RETURN(std::vector<Workload> workloads, finder.FindAll());
  const bool must_measure = evacuation.free_bytes > 0 && spec.sharing == SharingRule::kNever &&
                            spec.kinds == kPrivateKinds;
  const absl::Duration known_by = KnownBy(context, request.origin);
  absl::Duration measured_for;
  std::vector<Occupant> occupants;
  for (Workload& workload : workloads) {
    if (is_cancelled()) return absl::CancelledError("the caller has cancelled");
    const auto cgroup = finder.OpenCgroup(workload);
    const auto memory = cgroup.ok() ? cgroup->ReadMemory() : cgroup.status();
    const auto allowed = cgroup.ok() ? cgroup->ReadEffectiveNodes() : cgroup.status();
    if (absl::IsNotFound(memory.status()) || absl::IsNotFound(allowed.status())) continue;
    if (!memory.ok()) return memory.status();
    if (!allowed.ok()) return allowed.status();
    int64_t bytes = memory->BytesOn({evacuation.node}, spec.kinds);
    if (bytes < kLeastOccupantBytes) continue;
    if (must_measure && measured_for < kLongestMeasurement) {
      const absl::Duration start = context.clock.Monotonic();
      bytes = MovableBytes(context, workload, evacuation.node, topology, is_cancelled, bytes);
      measured_for += context.clock.Monotonic() - start;
    }
    Occupant occupant{std::move(workload), bytes, *allowed};
    if (!request.override_protection) {
      occupant.protection = CheckNotProtected(context, occupant.workload, known_by, is_cancelled);
    }
    occupants.push_back(std::move(occupant));
  }
  NL_ASSIGN_OR_RETURN(auto room, ReadRoom(context, topology));
  return PlanEvacuation(evacuation, topology, std::move(occupants), std::move(room));
}

}  // namespace numalocality
