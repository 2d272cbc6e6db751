#include "agent/engine/migrate/workload_run.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/engine/migrate/stickiness.h"
#include "agent/engine/workload/workload_finder.h"

namespace numalocality {
namespace {

// Whoever refused may be someone that no capability helps against.
void NameDeniers(WorkloadMigration& result) {
  if (result.reason != MigrationReason::kPermissionDenied) return;
  absl::StrAppend(&result.message,
                  "; an agent that has the capabilities is refused by its seccomp filter or by a "
                  "security module (SELinux, AppArmor: see the host's audit log)");
}

// Lets a plan's scan go on while its caller waits.
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

MigrationSpec SpecOf(const WorkloadMigration& planned, const MigrationRequest& request) {
  MigrationSpec spec = request.spec;
  if (!request.evacuation.has_value()) return spec;
  spec.target_nodes = planned.target_nodes;
  spec.source_nodes = {request.evacuation->node};
  return spec;
}

// Whether an evacuation has nowhere to put the workload's memory.
bool IsConfined(const WorkloadMigration& planned, const MigrationRequest& request) {
  return request.evacuation.has_value() && planned.target_nodes.empty();
}

WorkloadMigration Confined(const WorkloadMigration& planned, MigrationState state) {
  WorkloadMigration result = planned;
  result.state = state;
  result.reason = MigrationReason::kCpusetForbids;
  result.message = planned.workload.ToString() + ": its cpuset.mems allow none of the target nodes";
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
    result.message = workload.ToString() + ": its processes are outside the agent's PID namespace";
  } else if (processes.ok() || absl::IsNotFound(processes.status())) {
    result.reason = MigrationReason::kWorkloadGone;
    result.message = workload.ToString() + ": has no process any more";
  } else {
    result.reason = absl::IsPermissionDenied(processes.status())
                        ? MigrationReason::kPermissionDenied
                        : MigrationReason::kInternal;
    result.message = std::string(processes.status().message());
  }
  return result;
}

}  // namespace

WorkloadMigration MigrateWorkload(const EngineContext& context, ContainerResources* runtime,
                                  const WorkloadMigration& planned, const MigrationRequest& request,
                                  MigrationObserver& observer) {
  const Workload& workload = planned.workload;
  if (IsConfined(planned, request)) return Confined(planned, MigrationState::kFailed);
  const auto processes = WorkloadFinder(context.host).ListProcesses(workload);
  WorkloadMigration result;
  if (!processes.ok() || processes->pids.empty()) {
    result = WithoutProcesses(workload, processes);
  } else {
    const MigrationSpec spec = SpecOf(planned, request);
    const auto run = [&] { return MoveWorkload(context, workload, *processes, spec, observer); };
    result = request.stick == StickMode::kNone
                 ? run()
                 : RunSticky(context, *runtime, workload, request, observer, run);
  }
  NameDeniers(result);
  return result;
}

absl::StatusOr<WorkloadMigration> PlanWorkload(const EngineContext& context,
                                               const WorkloadMigration& planned,
                                               const MigrationRequest& request,
                                               absl::FunctionRef<bool()> is_cancelled) {
  PlanObserver observer(is_cancelled);
  if (IsConfined(planned, request)) return Confined(planned, MigrationState::kPending);
  NL_ASSIGN_OR_RETURN(const WorkloadProcesses processes,
                      WorkloadFinder(context.host).ListProcesses(planned.workload));
  WorkloadMigration result =
      PlanWorkload(context, planned.workload, processes, SpecOf(planned, request), observer);
  NameDeniers(result);
  return result;
}

}  // namespace numalocality
