#include <cstdlib>
#include <iostream>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/cli/numa_migrate/commands.h"
#include "agent/cli/numa_migrate/denial.h"
#include "agent/cli/numa_migrate/dry_run.h"
#include "agent/cli/numa_migrate/end_signal.h"
#include "agent/cli/numa_migrate/progress_observer.h"
#include "agent/cli/numa_migrate/report.h"
#include "agent/cli/numa_migrate/stay.h"
#include "agent/cli/numa_migrate/subject.h"
#include "agent/engine/move/spec_check.h"
#include "agent/os/act/numa_balancing.h"

namespace numalocality::numa_migrate {
namespace {

// With its cgroup, whose memory pressure is a reason to slow down. Pressure in the root cgroup is
// the machine's, which is looked at anyway.
Workload WorkloadOf(const Host& host, const Subject& subject) {
  Workload workload;
  workload.process = subject.process.id();
  const auto cgroup = subject.process.ReadCgroup(host);
  if (cgroup.ok() && *cgroup != "/") workload.cgroup_path = *cgroup;
  return workload;
}

absl::Status CheckTargets(const EngineContext& context, const Options& options,
                          const Subject& subject) {
  return CheckAllowed(context, WorkloadOf(context.host, subject), {subject.process.pid()},
                      options.spec, subject.topology);
}

// The rule that was asked for, if this program may follow it; else as much as it may. In that case
// `notes` say so.
absl::StatusOr<SharingRule> DecideSharing(const Options& options, const Host& host,
                                          std::vector<std::string>& notes) {
  const bool may_share = HasCapability(Capability::kSysNice, host);
  if (!options.sharing.has_value()) {
    if (may_share) return SharingRule::kOwned;
    notes.emplace_back(
        "pages that several processes map stay (--shared never), as moving them "
        "takes the capability CAP_SYS_NICE");
    return SharingRule::kNever;
  }
  if (*options.sharing == SharingRule::kNever || may_share) return *options.sharing;
  return absl::PermissionDeniedError(
      "--shared: all but never takes the capability CAP_SYS_NICE; run as root, or leave it out");
}

ExitCode CodeOfSignal() { return static_cast<ExitCode>(128 + EndSignal()); }

// That there was nothing to look at, and why, is said in one line.
bool SawNothing(const WorkloadMigration& result) {
  return result.outcomes.Total() == 0 && (result.reason == MigrationReason::kPermissionDenied ||
                                          result.reason == MigrationReason::kWorkloadGone);
}

// A run's or a plan's result as an exit code; the reason for a bad one is the error.
absl::StatusOr<ExitCode> Judge(const Options& options, const WorkloadMigration& result,
                               const Host& host) {
  if (EndSignal() != 0) return CodeOfSignal();
  if (SawNothing(result) && result.reason == MigrationReason::kWorkloadGone) return ProcessGone();
  if (result.reason == MigrationReason::kPermissionDenied) {
    return WithDenial(absl::PermissionDeniedError(result.message), Capability::kSysPtrace, host);
  }
  if (result.state == MigrationState::kSucceeded) return kExitSuccess;
  if (!IsFinal(result.state)) return absl::InternalError(result.message);
  return absl::AbortedError(absl::StrCat(
      result.pages_on_target, " of ", result.outcomes.Wanted(), " wanted pages are on ",
      TargetWords(options), ", less than --min-moved ", options.spec.min_moved, ": ",
      MigrationReasonName(result.reason), result.message.empty() ? "" : ": ", result.message));
}

// What the run has seen, and the policies that numa_maps tells of if it was read.
std::vector<DriftCause> ExplainDrift(const Options& options, const WorkloadMigration& result,
                                     const Findings& findings) {
  if (!result.drift_facts.has_value()) return {};
  DriftFacts facts = *result.drift_facts;
  if (findings.numa_maps.has_value()) {
    facts.policy_nodes =
        facts.policy_nodes | (findings.numa_maps->policy_nodes - TargetsOf(options.spec));
  }
  return LikelyCauses(facts, DriftAdvice::kNumaMigrate);
}

// Looks beyond what the migration itself has seen. That something cannot be seen is a note.
void LookFurther(const EngineContext& context, const Options& options, const Subject& subject,
                 const WorkloadMigration& result, Findings& findings) {
  if (result.unheld_batches > 0) {
    findings.notes.push_back(
        absl::StrCat(result.unheld_batches,
                     " batches were moved while the process ran: its threads could not be stopped "
                     "in time"));
  }
  if (!WasVerified(result)) return;
  if (options.verify) {
    auto look = CheckNumaMaps(context.host, subject, options.spec.ranges, TargetsOf(options.spec),
                              options.verify_numa_maps);
    if (look.ok()) {
      findings.numa_maps = *std::move(look);
    } else if (!absl::IsCancelled(look.status())) {
      findings.notes.push_back(absl::StrCat("numa_maps: ", look.status().message()));
    }
  }
  findings.drift_causes = ExplainDrift(options, result, findings);
}

// Everything but the preparations: the run between what keeps its pages where they are to be.
absl::StatusOr<ExitCode> Run(const EngineContext& context, const Options& options,
                             const Subject& subject, Findings& findings) {
  NL_ASSIGN_OR_RETURN(Stay stay, Stay::Begin(context, options, subject));
  NL_RETURN_IF_ERROR(CheckTargets(context, options, subject));
  NL_RETURN_IF_ERROR(stay.PinThreads(context, options, subject));
  const Workload workload = WorkloadOf(context.host, subject);
  const WorkloadProcesses processes{.pids = {subject.process.pid()}};
  ProgressObserver observer(context.clock, subject.topology.page_bytes, [&] {
    stay.PutBack();
    std::cerr << "Note: given up; numa-migrate --check tells where the pages are. The kernel ends "
                 "this process when the call returns\n";
    std::_Exit(CodeOfSignal());
  });
  const WorkloadMigration result =
      MoveWorkload(context, workload, processes, options.spec, observer);
  observer.Finish();
  const bool succeeded = result.state == MigrationState::kSucceeded;
  const absl::Status kept = succeeded && EndSignal() == 0 ? stay.KeepThere() : absl::OkStatus();
  LookFurther(context, options, subject, result, findings);
  const absl::Status ended = stay.End();
  if (!ended.ok()) findings.notes.emplace_back(ended.message());
  findings.notes.insert(findings.notes.end(), stay.notes().begin(), stay.notes().end());
  if (!SawNothing(result)) std::cout << MigrationReport(options, result, findings) << std::flush;
  // For programs these are among the figures.
  if (options.format == OutputFormat::kText && result.calls.Count() > 0) {
    findings.notes.push_back(StallNote(result));
  }
  NL_RETURN_IF_ERROR(kept);
  return Judge(options, result, context.host);
}

absl::StatusOr<ExitCode> DryRun(const EngineContext& context, const Options& options,
                                const Subject& subject) {
  // --policy bind would allow them first.
  if (options.bind == BindPolicy::kNone) {
    NL_RETURN_IF_ERROR(CheckTargets(context, options, subject));
  }
  ProgressObserver observer(context.clock, subject.topology.page_bytes, [] {});
  const WorkloadMigration plan =
      PlanWorkload(context, WorkloadOf(context.host, subject), {.pids = {subject.process.pid()}},
                   options.spec, observer);
  observer.Finish();
  if (plan.reason != MigrationReason::kNone) return Judge(options, plan, context.host);
  NL_ASSIGN_OR_RETURN(const Forecast forecast, MakeForecast(context, options, subject, plan));
  std::cout << ForecastReport(options, forecast);
  return kExitSuccess;
}

// A signal has come before a page was looked at: that is the exact result.
ExitCode EndBeforeMoving(const Options& options, const Findings& findings) {
  WorkloadMigration nothing;
  nothing.state = MigrationState::kCancelled;
  nothing.reason = MigrationReason::kCancelled;
  if (!options.dry_run) std::cout << MigrationReport(options, nothing, findings) << std::flush;
  return CodeOfSignal();
}

void NoteBalancing(const Options& options, const Host& host, std::vector<std::string>& notes) {
  if (options.balancing_off || ReadNumaBalancing(host).value_or(0) == 0) return;
  notes.emplace_back(
      "automatic NUMA balancing is on and may take pages back; --numa-balancing off switches it "
      "off for as long as this runs");
}

}  // namespace

absl::StatusOr<ExitCode> Migrate(const EngineContext& context, const Options& asked) {
  CatchEndSignals();
  Options options = asked;
  Findings findings;
  NL_ASSIGN_OR_RETURN(options.spec.sharing, DecideSharing(options, context.host, findings.notes));
  const auto subject = OpenSubject(context, options.pid);
  if (!subject.ok()) return WithDenial(subject.status(), Capability::kSysPtrace, context.host);
  const auto ranges = FindPart(options.part, subject->process, subject->scanner, options.spec.kinds,
                               subject->topology.page_bytes);
  if (EndSignal() != 0) return EndBeforeMoving(options, findings);
  if (!ranges.ok()) {
    return WithDenial(OrGone(ranges.status(), subject->process), Capability::kSysPtrace,
                      context.host);
  }
  options.spec.ranges = *ranges;
  NL_RETURN_IF_ERROR(CheckSpec(options.spec, subject->topology));
  NoteBalancing(options, context.host, findings.notes);
  const auto exit_code = options.dry_run ? DryRun(context, options, *subject)
                                         : Run(context, options, *subject, findings);
  for (const std::string& note : findings.notes) std::cerr << "Note: " << note << "\n";
  if (absl::IsCancelled(exit_code.status())) return CodeOfSignal();
  if (!exit_code.ok()) return OrGone(exit_code.status(), subject->process);
  return exit_code;
}

}  // namespace numalocality::numa_migrate
