#include "agent/engine/repair/repair_jobs.h"

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"
#include "agent/model/access.h"
#include "agent/model/repair_decision.h"
#include "agent/os/node/pressure.h"

namespace numalocality {

void RepairJobs::Submit(Repair repair) {
  const WorkloadPlacement& placement = repair.report->placement;
  decider_.ClaimRepair(placement, repair.decided.decided.estimate);
  jobs_.Run(placement.workload, "repair of " + name_of_(placement.workload),
            [this, repair = std::move(repair)](const JobWatch& watch) {
              Answer answer = Ask(repair, watch);
              return [this, repair, answer = std::move(answer)] { Take(repair, answer); };
            });
}

RepairJobs::Answer RepairJobs::Ask(const Repair& repair, const JobWatch& watch) const {
  watch.begin_call("a read of its memory pressure");
  const auto pressure =
      ReadCgroupPressure(context_.host, repair.report->placement.workload.cgroup_path);
  if (pressure.ok() && pressure->some_fraction >= kHighPressure) return pressure->some_fraction;
  watch.begin_call("a read of its processes");
  auto migration = migrator_.Submit(repair.request, Access::Full(""), watch.is_cancelled);
  if (!absl::IsCancelled(migration.status()) || watch.is_stopping()) return migration;
  return absl::StatusOr<Migration>(absl::ResourceExhaustedError(
      absl::StrCat("reading its processes takes longer than ",
                   absl::FormatDuration(WorkloadJobs::kLongestJob), ", the limit")));
}

void RepairJobs::Take(Repair repair, const Answer& answer) {
  const Workload& workload = repair.report->placement.workload;
  RepairDecision& decision = repair.decided.decided.decision;
  const absl::Duration now = context_.clock.Monotonic();
  const auto* const migration = std::get_if<absl::StatusOr<Migration>>(&answer);
  if (migration == nullptr) {
    const double pressure = std::get<double>(answer);
    decision.verdict = RepairVerdict::kWait;
    decision.reason = RepairReason::kUnderPressure;
    decision.message = PressureMessage(pressure);
    decision.next = now + kPressureSpan;
    decider_.AddPressure(workload, pressure, decision.next);
  } else if (!migration->ok()) {
    decision.verdict = RepairVerdict::kWait;
    decision.reason = RepairReason::kRefused;
    decision.message = std::string(migration->status().message());
    decision.next = now + kRefusedFor;
    decider_.AddRefusal(workload, decision.message, decision.next);
  } else {
    TakeMigration(repair, **migration);
  }
  on_answer_(repair);
}

void RepairJobs::TakeMigration(const Repair& repair, const Migration& migration) {
  const WorkloadPlacement& placement = repair.report->placement;
  decider_.AddRepair(placement, migration);
  // Its end may have been taken in already.
  const auto latest = migrator_.Get(migration.id);
  if (!latest.ok() || IsFinal(latest->state)) decider_.DropRepair(migration);
  LogInfo(absl::StrCat(
      "repair id=", migration.id, " policy=", repair.decided.decided.decision.policy,
      " workload=\"", LogSafe(placement.workload.ToString()), "\" trigger=\"",
      LogSafe(repair.request.trigger), "\" bytes=", repair.decided.decided.estimate.bytes));
}

}  // namespace numalocality
