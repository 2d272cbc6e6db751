#include "agent/engine/migrate/stickiness.h"

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/base/status.h"
#include "agent/engine/migrate/kernel_moves.h"
#include "agent/engine/workload/workload_finder.h"
#include "agent/model/node_map.h"
#include "agent/os/act/cpuset_mems.h"
#include "agent/os/cgroup/cgroup_dir.h"
#include "agent/os/node/topology_reader.h"

namespace numalocality {
namespace {

// Longer than the period in which kubelet's CPU manager writes its containers' cpusets, 10 s.
constexpr absl::Duration kWatchTime = absl::Seconds(11);
constexpr absl::Duration kWatchInterval = absl::Milliseconds(500);

constexpr char kHowToForce[] = "set force_stick ('localityctl migrate --force')";

absl::StatusOr<CpusetMems> OpenMems(const EngineContext& context, ContainerResources& runtime,
                                    const Workload& workload, bool on_old_kernels) {
  NL_ASSIGN_OR_RETURN(CgroupDir cgroup, WorkloadFinder(context.host).OpenCgroup(workload));
  const auto write = [&runtime, id = workload.container->container_id](const NodeSet& nodes) {
    return runtime.SetMems(id, nodes);
  };
  return CpusetMems::OpenContainer(context.host, std::move(cgroup), write, on_old_kernels);
}

// The nodes that cpuset.mems allows in the end: the targets, and nodes whose memory the request
// does not move.
absl::StatusOr<NodeSet> NodesToStickTo(const EngineContext& context, const Workload& workload,
                                       const MigrationSpec& spec, const NodeSet& nodes_before) {
  if (!spec.node_map.empty()) {
    return (nodes_before - SourcesOf(spec.node_map)) | TargetsOf(spec.node_map);
  }
  const NodeSet kept = spec.source_nodes.empty() ? NodeSet() : nodes_before - spec.source_nodes;
  if (!spec.target_nodes.empty()) return kept | spec.target_nodes;
  NL_ASSIGN_OR_RETURN(const Topology topology, TopologyReader(context.host).Read());
  NL_ASSIGN_OR_RETURN(const CgroupDir cgroup, WorkloadFinder(context.host).OpenCgroup(workload));
  NL_ASSIGN_OR_RETURN(const CpuSet cpus, cgroup.ReadEffectiveCpus());
  return kept | topology.HomeNodes(cpus);
}

// Reads cpuset.mems again for kWatchTime, or until the observer cancels.
absl::Status Watch(const EngineContext& context, CpusetMems& mems, MigrationObserver& observer) {
  const absl::Duration end = context.clock.Monotonic() + kWatchTime;
  while (context.clock.Monotonic() < end && observer.StopReason() != MigrationReason::kCancelled) {
    context.clock.Sleep(kWatchInterval);
    NL_RETURN_IF_ERROR(mems.Check());
  }
  return absl::OkStatus();
}

void NotSticky(WorkloadMigration& result, const absl::Status& status) {
  result.state = MigrationState::kPartial;
  result.reason = MigrationReason::kNotSticky;
  result.message = std::string(status.message());
}

// After the move: whether the remaining pages have room on the nodes, too.
absl::Status CheckRoomForRest(const EngineContext& context, const KernelMoves& moves,
                              const WorkloadMigration& result) {
  NL_ASSIGN_OR_RETURN(const int64_t room, ReadRoomOn(context, moves.to));
  const int64_t left = result.outcomes.Total() - result.pages_on_target;
  if (left * context.host.page_bytes + moves.OtherBytes() <= room) return absl::OkStatus();
  const std::string others = moves.Words();
  return absl::FailedPreconditionError(absl::StrCat(
      "the memory was moved, but cpuset.mems was not narrowed: node ", moves.to.ToString(),
      " has no room for the ", left, " pages", others.empty() ? "" : " and the " + others,
      " that are still elsewhere, and that the kernel would then move there; to accept that, ",
      kHowToForce));
}

// After a move that succeeded.
void Confine(const EngineContext& context, CpusetMems& mems, const KernelMoves& moves,
             MigrationObserver& observer, WorkloadMigration& result) {
  WorkloadMigration verifying = result;
  verifying.state = MigrationState::kVerifying;
  observer.OnProgress(verifying);
  absl::Status status = mems.Confine(moves.to);
  if (status.ok()) status = Watch(context, mems, observer);
  if (!status.ok()) return NotSticky(result, status);
  const std::string others = moves.Words();
  result.stick_note = absl::StrCat(
      "cpuset.mems allows node ", moves.to.ToString(),
      " now; before the migration it allowed node ", mems.nodes_before().ToString(),
      "; the kernel has moved the remaining pages there",
      others.empty() ? "" : ", among them " + others,
      mems.overwrites() > 0 ? "; another program changed it once, and the agent set it again" : "");
}

}  // namespace

absl::Status CheckSticky(const EngineContext& context, const ContainerResources* runtime,
                         const Workload& workload, const MigrationRequest& request) {
  if (request.stick == StickMode::kNone) return absl::OkStatus();
  if (request.spec.ranges != MigrationSpec().ranges) {
    return absl::InvalidArgumentError(
        "stick applies to a container's whole memory; leave out either address ranges or stick");
  }
  if (runtime == nullptr) {
    return absl::FailedPreconditionError(
        "stick: cpuset.mems is set through the container runtime, and none is configured; start "
        "the agent with --cri-socket PATH");
  }
  if (!workload.container.has_value() || workload.process.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat(workload.ToString(),
                     ": stick is possible only for containers of pods, whose cpuset.mems the "
                     "container runtime sets"));
  }
  NL_ASSIGN_OR_RETURN(CgroupDir cgroup, WorkloadFinder(context.host).OpenCgroup(workload));
  return CpusetMems::OpenContainer(context.host, std::move(cgroup), nullptr,
                                   request.stick_on_old_kernels)
      .status();
}

void PlanStick(const EngineContext& context, const Workload& workload,
               const MigrationRequest& request, absl::FunctionRef<bool()> is_cancelled,
               WorkloadMigration& plan) {
  const auto refuse = [&plan](const absl::Status& status) {
    plan.reason = MigrationReason::kNotSticky;
    if (plan.message.empty()) plan.message = std::string(status.message());
  };
  const auto cgroup = WorkloadFinder(context.host).OpenCgroup(workload);
  const auto before = cgroup.ok() ? cgroup->ReadEffectiveNodes() : cgroup.status();
  if (!before.ok()) return refuse(before.status());
  const auto nodes = NodesToStickTo(context, workload, request.spec, *before);
  if (!nodes.ok()) return refuse(nodes.status());
  const auto moves =
      ReadKernelMoves(context, workload, request.spec, *before, *nodes, is_cancelled);
  if (!moves.ok()) return refuse(moves.status());
  const std::string others = moves->Words();
  plan.stick_note =
      absl::StrCat("cpuset.mems will allow node ", nodes->ToString(), " instead of node ",
                   before->ToString(), "; the kernel will then move the remaining pages there",
                   others.empty() ? "" : ", among them " + others);
  const absl::Status checked = CheckKernelMoves(context, *moves, kHowToForce);
  if (!checked.ok() && !request.force_stick) refuse(checked);
}

WorkloadMigration MoveAndStick(const EngineContext& context, ContainerResources& runtime,
                               const Workload& workload, const MigrationRequest& request,
                               MigrationObserver& observer,
                               absl::FunctionRef<WorkloadMigration()> move) {
  WorkloadMigration failed;
  failed.workload = workload;
  const auto fail = [&failed](const absl::Status& status) {
    NotSticky(failed, status);
    failed.state = MigrationState::kFailed;
    return failed;
  };
  auto mems = OpenMems(context, runtime, workload, request.stick_on_old_kernels);
  if (!mems.ok()) return fail(mems.status());
  const auto nodes = NodesToStickTo(context, workload, request.spec, mems->nodes_before());
  if (!nodes.ok()) return fail(nodes.status());
  MigrationReason stop = MigrationReason::kNone;
  const auto must_stop = [&] {
    stop = observer.StopReason();
    return stop != MigrationReason::kNone;
  };
  const auto moves =
      ReadKernelMoves(context, workload, request.spec, mems->nodes_before(), *nodes, must_stop);
  if (absl::IsCancelled(moves.status()) && stop != MigrationReason::kNone) {
    failed.state =
        stop == MigrationReason::kCancelled ? MigrationState::kCancelled : MigrationState::kFailed;
    failed.reason = stop;
    return failed;
  }
  if (!moves.ok()) return fail(moves.status());
  if (!request.force_stick) {
    if (const absl::Status checked = CheckKernelMoves(context, *moves, kHowToForce);
        !checked.ok()) {
      return fail(checked);
    }
  }
  if (const absl::Status widened = mems->Widen(*nodes); !widened.ok()) return fail(widened);

  WorkloadMigration result = move();
  std::string why = "because the move did not succeed";
  if (result.state == MigrationState::kSucceeded) {
    const absl::Status fits =
        request.force_stick ? absl::OkStatus() : CheckRoomForRest(context, *moves, result);
    if (fits.ok()) {
      Confine(context, *mems, *moves, observer, result);
      return result;
    }
    NotSticky(result, fits);
    why = "because the target nodes lack room for the remaining pages";
  }
  const absl::Status restored = mems->Restore();
  result.stick_note = restored.ok()
                          ? absl::StrCat("cpuset.mems has its previous value again, ", why)
                          : std::string(restored.message());
  return result;
}

}  // namespace numalocality
