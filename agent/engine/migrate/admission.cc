#include "agent/engine/migrate/admission.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/engine/migrate/evacuation.h"
#include "agent/engine/migrate/protection.h"
#include "agent/engine/migrate/stickiness.h"
#include "agent/engine/move/spec_check.h"
#include "agent/engine/workload/placement_reader.h"
#include "agent/engine/workload/workload_finder.h"
#include "agent/os/base/read_budget.h"
#include "agent/os/node/topology_reader.h"
#include "agent/os/process/own_process.h"

namespace numalocality {
namespace {

absl::Status CheckSharing(const EngineContext& context, SharingRule rule) {
  if (rule == SharingRule::kNever) return absl::OkStatus();
  NL_ASSIGN_OR_RETURN(const Privileges privileges, ReadOwnPrivileges(context.host));
  if (privileges.effective.Has(Capability::kSysNice)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "moving pages that several processes map needs CAP_SYS_NICE, which the agent does not have; "
      "add SYS_NICE to the capabilities of its container, or ask for the sharing rule 'never'");
}

// OK if the request may move the memory of `workload`; NOT_FOUND if that has no process.
absl::Status CheckWorkload(const EngineContext& context, const WorkloadFinder& finder,
                           const Workload& workload, const MigrationRequest& request,
                           const Topology& topology, ReadBudget& budget) {
  NL_ASSIGN_OR_RETURN(const WorkloadProcesses processes, finder.ListProcesses(workload, budget));
  const absl::Status allowed =
      CheckAllowed(context, workload, processes.pids, request.spec, topology, budget);
  // cpuset.mems will be widened before anything moves.
  const bool will_widen = request.stick != StickMode::kNone && absl::IsFailedPrecondition(allowed);
  return will_widen ? absl::OkStatus() : allowed;
}

bool MayBeSandbox(const Workload& workload) {
  return workload.role == ContainerRole::kSandbox ||
         workload.role == ContainerRole::kPresumedSandbox;
}

// Whether the workload is left out of a request for its whole pod.
bool IsSandbox(const EngineContext& context, const Workload& workload, const Topology& topology,
               absl::FunctionRef<bool()> is_cancelled) {
  if (!MayBeSandbox(workload)) return false;
  const auto placement =
      PlacementReader(context.kernel, context.host, context.clock)
          .Read(workload, topology, PlacementView::kBasic, is_cancelled, kPeriodicLimits);
  return placement.ok() && placement->IsSandbox();
}

absl::Status CheckNoOverlap(const std::vector<Workload>& workloads, const Workload& workload) {
  for (const Workload& other : workloads) {
    if (!other.Overlaps(workload)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(workload.ToString(), " and ", other.ToString(),
                     ": the request names both, but they overlap; name only one of them"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<WorkloadMigration>> ResolveEvacuation(
    const EngineContext& context, const MigrationRequest& request, const Topology& topology,
    absl::FunctionRef<bool()> is_cancelled) {
  const MigrationSpec& spec = request.spec;
  if (!request.workloads.empty() || !spec.target_nodes.empty() || !spec.source_nodes.empty() ||
      !spec.node_map.empty() || request.stick != StickMode::kNone) {
    return absl::InvalidArgumentError(
        "evacuation: cannot be combined with workloads, target_node_ids, source_node_ids, node_map "
        "or stick; leave them out");
  }
  NL_RETURN_IF_ERROR(CheckSharing(context, spec.sharing));
  NL_ASSIGN_OR_RETURN(std::vector<PlannedMove> moves,
                      FindEvacuation(context, topology, request, is_cancelled));
  if (moves.empty()) {
    return absl::NotFoundError(absl::StrCat("evacuation: no container has memory on node ",
                                            request.evacuation->node.value));
  }
  std::vector<WorkloadMigration> results;
  for (PlannedMove& move : moves) {
    WorkloadMigration result;
    result.workload = std::move(move.workload);
    if (move.target.has_value()) result.target_nodes = {*move.target};
    if (!move.protection.ok()) {
      result.reason = MigrationReason::kProtected;
      result.message = std::string(move.protection.message());
    }
    results.push_back(std::move(result));
  }
  return results;
}

absl::StatusOr<std::vector<Workload>> ResolveWorkloads(
    const EngineContext& context, ContainerResources* runtime, const MigrationRequest& request,
    const Access& access, const Topology& topology, absl::FunctionRef<bool()> is_cancelled) {
  if (request.workloads.empty())
    return absl::InvalidArgumentError("workloads: the list is empty; name at least one workload");
  if (request.workloads.size() > kMaxSelectors) {
    return absl::InvalidArgumentError(absl::StrCat(request.workloads.size(),
                                                   " workloads: one migration takes at most ",
                                                   kMaxSelectors, "; split the request"));
  }
  NL_RETURN_IF_ERROR(CheckSharing(context, request.spec.sharing));
  const WorkloadFinder finder(context.host, context.names);
  const absl::Duration known_by = KnownBy(context, request.origin);
  ReadBudget budget(kRequestLimits, context.clock, [&] { return is_cancelled(); });
  std::vector<Workload> workloads;
  for (const WorkloadSelector& selector : request.workloads) {
    NL_RETURN_IF_ERROR(budget.Take("the cgroups", 0));
    NL_ASSIGN_OR_RETURN(std::vector<Workload> found, finder.Find(selector));
    // First: other errors would show a workload that the client may not see.
    for (const Workload& workload : found) {
      NL_RETURN_IF_ERROR(access.CheckMigrate(request, selector, workload));
    }
    std::stable_partition(found.begin(), found.end(),
                          [](const Workload& workload) { return !MayBeSandbox(workload); });
    absl::Status gone = absl::NotFoundError(selector.ToString() +
                                            ": no container runs in this pod, only its sandbox");
    size_t with_processes = 0;
    for (const Workload& workload : found) {
      // A presumed sandbox is none if it is all that runs in the pod.
      const bool is_certain = workload.role == ContainerRole::kSandbox || with_processes > 0;
      if (selector.IsPod() && is_certain && IsSandbox(context, workload, topology, is_cancelled)) {
        continue;
      }
      const absl::Status checked =
          CheckWorkload(context, finder, workload, request, topology, budget);
      // Containers of a pod without a process (one that has ended) are left out.
      if (absl::IsNotFound(checked)) {
        gone = checked;
        continue;
      }
      NL_RETURN_IF_ERROR(checked);
      if (!request.override_protection) {
        NL_RETURN_IF_ERROR(CheckNotProtected(context, workload, known_by, is_cancelled));
      }
      NL_RETURN_IF_ERROR(CheckSticky(context, runtime, workload, request));
      NL_RETURN_IF_ERROR(CheckNoOverlap(workloads, workload));
      ++with_processes;
      workloads.push_back(workload);
    }
    if (with_processes == 0) return gone;
  }
  return workloads;
}

}  // namespace

absl::StatusOr<Admission> Admit(const EngineContext& context, ContainerResources* runtime,
                                const MigrationRequest& request, const Access& access,
                                absl::FunctionRef<bool()> is_cancelled) {
  Admission admission;
  NL_ASSIGN_OR_RETURN(admission.topology, TopologyReader(context.host).Read());
  NL_RETURN_IF_ERROR(CheckSpec(request.spec, admission.topology));
  if (request.evacuation.has_value()) {
    NL_RETURN_IF_ERROR(access.CheckEvacuate());
    NL_ASSIGN_OR_RETURN(admission.workloads,
                        ResolveEvacuation(context, request, admission.topology, is_cancelled));
    return admission;
  }
  NL_ASSIGN_OR_RETURN(
      std::vector<Workload> workloads,
      ResolveWorkloads(context, runtime, request, access, admission.topology, is_cancelled));
  for (Workload& workload : workloads) {
    admission.workloads.emplace_back().workload = std::move(workload);
  }
  return admission;
}

}  // namespace numalocality
