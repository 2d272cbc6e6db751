#include "agent/engine/migrate/execution.h"

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/engine/migrate/evacuation.h"
#include "agent/engine/migrate/stickiness.h"
#include "agent/engine/report/report_reader.h"
#include "agent/engine/workload/workload_finder.h"
#include "agent/model/repair_decision.h"
#include "agent/os/base/read_budget.h"
#include "agent/os/node/pressure.h"
#include "agent/os/node/topology_reader.h"

namespace numalocality {
namespace {

// A capability does not help against a seccomp filter or a security module.
void NameDeniers(WorkloadMigration& result) {
  if (result.reason != MigrationReason::kPermissionDenied) return;
  absl::StrAppend(
      &result.message,
      "; if the agent has these capabilities, its seccomp filter or a security module (SELinux, "
      "AppArmor: see the host's audit log) denies the call");
}

// Ends a plan's scan once its caller has cancelled.
class PlanObserver final : public MigrationObserver {
 public:
  explicit PlanObserver(absl::FunctionRef<bool()> is_cancelled) : is_cancelled_(is_cancelled) {}
  MigrationReason StopReason() override {
    return is_cancelled_() ? MigrationReason::kCancelled : MigrationReason::kNone;
  }
  void OnBatch(int, pid_t, int64_t) override {}
  void OnBatchEnd(int) override {}
  void OnProgress(const WorkloadMigration&) override {}

 private:
  absl::FunctionRef<bool()> is_cancelled_;
};

MigrationSpec SpecOf(const WorkloadMigration& admitted, const MigrationRequest& request) {
  MigrationSpec spec = request.spec;
  if (!request.evacuation.has_value()) return spec;
  spec.target_nodes = admitted.target_nodes;
  spec.source_nodes = {request.evacuation->node};
  return spec;
}

// Whether an evacuation leaves the workload where it is.
bool MustStay(const WorkloadMigration& admitted, const MigrationRequest& request) {
  return request.evacuation.has_value() && admitted.target_nodes.empty();
}

WorkloadMigration Stay(const WorkloadMigration& admitted, MigrationState state) {
  WorkloadMigration result = admitted;
  result.state = state;
  if (result.reason == MigrationReason::kProtected) return result;
  result.reason = MigrationReason::kCpusetForbids;
  result.message =
      admitted.workload.ToString() + ": its cpuset.mems allows none of the target nodes";
  return result;
}

WorkloadMigration WithoutProcesses(const Workload& workload,
                                   const absl::StatusOr<WorkloadProcesses>& processes) {
  WorkloadMigration result;
  result.workload = workload;
  result.state = MigrationState::kFailed;
  if (processes.ok() && processes->hidden_count > 0) {
    result.reason = MigrationReason::kIncomplete;
    result.hidden_process_count = processes->hidden_count;
    result.message =
        workload.ToString() +
        ": its processes are outside the agent's PID namespace; set hostPID in the agent's pod";
  } else if (absl::IsCancelled(processes.status())) {
    result.state = MigrationState::kCancelled;
    result.reason = MigrationReason::kCancelled;
  } else if (processes.ok() || absl::IsNotFound(processes.status())) {
    result.reason = MigrationReason::kWorkloadGone;
    result.message = workload.ToString() + ": all of its processes have exited";
  } else {
    result.reason = absl::IsPermissionDenied(processes.status())
                        ? MigrationReason::kPermissionDenied
                        : MigrationReason::kInternal;
    result.message = std::string(processes.status().message());
  }
  return result;
}

absl::StatusOr<WorkloadMigration> PlanWorkload(const EngineContext& context,
                                               const WorkloadMigration& admitted,
                                               const MigrationRequest& request,
                                               absl::FunctionRef<bool()> is_cancelled) {
  PlanObserver observer(is_cancelled);
  if (MustStay(admitted, request)) return Stay(admitted, MigrationState::kPending);
  ReadBudget budget(kRequestLimits, context.clock, [&] { return is_cancelled(); });
  NL_ASSIGN_OR_RETURN(const WorkloadProcesses processes,
                      WorkloadFinder(context.host).ListProcesses(admitted.workload, budget));
  WorkloadMigration result =
      PlanWorkload(context, admitted.workload, processes, SpecOf(admitted, request), observer);
  NameDeniers(result);
  if (request.stick != StickMode::kNone) {
    PlanStick(context, admitted.workload, request, is_cancelled, result);
  }
  return result;
}

// Whether a repair must not begin. It may have waited since that was decided, and its own reads and
// batches would add to the pressure.
std::optional<double> HighPressure(const EngineContext& context, const Workload& workload,
                                   const MigrationRequest& request) {
  if (request.origin != MigrationOrigin::kPolicy) return std::nullopt;
  const auto pressure = ReadCgroupPressure(context.host, workload.cgroup_path);
  if (!pressure.ok() || pressure->some_fraction < kHighPressure) return std::nullopt;
  return pressure->some_fraction;
}

}  // namespace

WorkloadMigration MigrateWorkload(const EngineContext& context, ContainerResources* runtime,
                                  const WorkloadMigration& admitted,
                                  const MigrationRequest& request, MigrationObserver& observer) {
  const Workload& workload = admitted.workload;
  if (MustStay(admitted, request)) return Stay(admitted, MigrationState::kFailed);
  if (const auto pressure = HighPressure(context, workload, request); pressure.has_value()) {
    WorkloadMigration result = admitted;
    result.state = MigrationState::kFailed;
    result.reason = MigrationReason::kUnderPressure;
    result.message = PressureMessage(*pressure);
    return result;
  }
  // Not those that admission found: processes start and exit while the migration waits.
  ReadBudget budget(kRequestLimits, context.clock,
                    [&] { return observer.StopReason() == MigrationReason::kCancelled; });
  const auto processes = WorkloadFinder(context.host).ListProcesses(workload, budget);
  WorkloadMigration result;
  if (!processes.ok() || processes->pids.empty()) {
    result = WithoutProcesses(workload, processes);
  } else {
    const MigrationSpec spec = SpecOf(admitted, request);
    const auto move = [&] { return MoveWorkload(context, workload, *processes, spec, observer); };
    result = request.stick == StickMode::kNone
                 ? move()
                 : MoveAndStick(context, *runtime, workload, request, observer, move);
  }
  NameDeniers(result);
  return result;
}

absl::StatusOr<std::vector<WorkloadMigration>> PlanMigration(
    const EngineContext& context, const Admission& admission, const MigrationRequest& request,
    absl::FunctionRef<bool()> is_cancelled) {
  const bool is_evacuation = request.evacuation.has_value();
  std::map<NodeId, int64_t> room_bytes;  // that the workloads before have left
  if (is_evacuation) {
    NL_ASSIGN_OR_RETURN(room_bytes, ReadRoom(context, admission.topology));
  }
  std::vector<WorkloadMigration> planned;
  for (const WorkloadMigration& admitted : admission.workloads) {
    if (is_cancelled()) return absl::CancelledError("the caller has cancelled");
    NL_ASSIGN_OR_RETURN(WorkloadMigration result,
                        PlanWorkload(context, admitted, request, is_cancelled));
    if (is_evacuation) {
      FitPlan(context, request, admission.topology, is_cancelled, room_bytes, result);
    }
    planned.push_back(std::move(result));
  }
  return planned;
}

void MeasureRepair(const EngineContext& context, const Workload& workload,
                   RepairEstimate& estimate) {
  // Read again: memory nodes may have been added or removed during the repair.
  const auto topology = TopologyReader(context.host).Read();
  if (!topology.ok()) return LogError(topology.status().message());
  const auto placement = ReportReader(context).ReadOnce(workload, *topology);
  if (!placement.ok()) return;
  estimate.local_after = placement->LocalFraction();
  estimate.remote_after = RepairableBytes(*placement, *topology);
}

}  // namespace numalocality
