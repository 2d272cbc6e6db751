#include <cstdlib>
#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/cli/numa_migrate/commands.h"
#include "agent/cli/numa_migrate/denial.h"
#include "agent/cli/numa_migrate/dry_run.h"
#include "agent/cli/numa_migrate/end_signal.h"
#include "agent/cli/numa_migrate/keep_placement.h"
#include "agent/cli/numa_migrate/progress_observer.h"
#include "agent/cli/numa_migrate/report.h"
#include "agent/cli/numa_migrate/subject.h"
#include "agent/engine/move/spec_check.h"
#include "agent/os/act/numa_balancing.h"
#include "agent/os/base/read_budget.h"

namespace numalocality::numa_migrate {
namespace {

// The process with its cgroup, as memory pressure there slows the migration down. The pressure of
// the root cgroup is the machine's, which is read in any case.
Workload WorkloadOf(const Host& host, const Subject& subject) {
  Workload workload;
  workload.process = subject.process.id();
  const auto cgroup = subject.process.ReadCgroup(host);
  if (cgroup.ok() && *cgroup != "/") workload.cgroup_path = *cgroup;
  return workload;
}

absl::Status CheckTargets(const EngineContext& context, const Options& options,
                          const Subject& subject) {
  ReadBudget budget(kRequestLimits, context.clock);
  return CheckAllowed(context, WorkloadOf(context.host, subject), {subject.process.pid()},
                      options.spec, subject.topology, budget);
}

// --shared if it is given and permitted. Without it `owned` if that is permitted, else `never` with
// a note.
absl::StatusOr<SharingRule> DecideSharing(const Options& options, const Host& host,
                                          std::vector<std::string>& notes) {
  const bool may_share = HasCapability(Capability::kSysNice, host);
  if (!options.sharing.has_value()) {
    if (may_share) return SharingRule::kOwned;
    notes.emplace_back(
        "pages that several processes map stay where they are (--shared never), as moving them "
        "needs the capability CAP_SYS_NICE");
    return SharingRule::kNever;
  }
  if (*options.sharing == SharingRule::kNever || may_share) return *options.sharing;
  return absl::PermissionDeniedError(
      "--shared owned and --shared all need the capability CAP_SYS_NICE; run as root, or omit "
      "--shared");
}

ExitCode CodeOfSignal() { return static_cast<ExitCode>(128 + EndSignal()); }

// Without a page there are no figures to print; one line of error is enough.
bool FoundNothing(const WorkloadMigration& result) {
  return result.outcomes.Total() == 0 && (result.reason == MigrationReason::kPermissionDenied ||
                                          result.reason == MigrationReason::kWorkloadGone);
}

// The exit code for the result of a migration or of a plan; an error with the reason if it failed.
absl::StatusOr<ExitCode> Judge(const Options& options, const WorkloadMigration& result,
                               const Host& host) {
  if (EndSignal() != 0) return CodeOfSignal();
  if (FoundNothing(result) && result.reason == MigrationReason::kWorkloadGone) return ProcessGone();
  if (result.reason == MigrationReason::kPermissionDenied) {
    return WithDenial(absl::PermissionDeniedError(result.message), Capability::kSysPtrace, host);
  }
  if (result.state == MigrationState::kSucceeded) return kExitSuccess;
  if (!IsFinal(result.state)) return absl::InternalError(result.message);
  if (result.reason == MigrationReason::kWorkloadGone) {
    return absl::AbortedError(absl::StrCat(
        "process ", options.pid,
        " exited while its memory moved: ", result.outcomes[PageOutcome::kMoved], " of ",
        result.outcomes.Wanted(), " wanted pages had been moved to ", TargetWords(options)));
  }
  return absl::AbortedError(absl::StrCat(
      result.pages_on_target, " of ", result.outcomes.Wanted(), " wanted pages are on ",
      TargetWords(options), ", less than --min-moved ", options.spec.min_moved, ": ",
      ApiNameOf(result.reason), result.message.empty() ? "" : ": ", result.message));
}

// The likely causes of drift, from the migration and, if numa_maps was read, from its memory
// policies.
std::vector<DriftCause> ExplainDrift(const Options& options, const WorkloadMigration& result,
                                     const Observations& observations) {
  if (!result.drift_facts.has_value()) return {};
  DriftFacts facts = *result.drift_facts;
  if (observations.numa_maps.has_value()) {
    facts.policy_nodes =
        facts.policy_nodes | (observations.numa_maps->policy_nodes - TargetsOf(options.spec));
  }
  return LikelyCauses(facts, DriftAdvice::kNumaMigrate);
}

// Adds what the migration itself does not report. A cross-check that fails becomes a note.
void AddObservations(const EngineContext& context, const Options& options, const Subject& subject,
                     const WorkloadMigration& result, Observations& observations) {
  if (result.unheld_batches > 0) {
    observations.notes.push_back(absl::StrCat(
        result.unheld_batches,
        " batches were moved while the process ran, as its threads did not stop in time"));
  }
  if (!WasVerified(result)) return;
  if (options.verify) {
    auto check = CheckNumaMaps(context.host, subject, options.spec.ranges, TargetsOf(options.spec),
                               options.verify_numa_maps);
    if (check.ok()) {
      observations.numa_maps = *std::move(check);
    } else if (!absl::IsCancelled(check.status())) {
      observations.notes.push_back(absl::StrCat("numa_maps: ", check.status().message()));
    }
  }
  observations.drift_causes = ExplainDrift(options, result, observations);
}

// Moves the pages, verifies, and prints the result.
absl::StatusOr<ExitCode> Run(const EngineContext& context, const Options& options,
                             const Subject& subject, Observations& observations) {
  NL_ASSIGN_OR_RETURN(PlacementKeeper keeper, PlacementKeeper::Begin(context, options, subject));
  NL_RETURN_IF_ERROR(CheckTargets(context, options, subject));
  NL_RETURN_IF_ERROR(keeper.PinThreads(context, options, subject));
  const Workload workload = WorkloadOf(context.host, subject);
  const WorkloadProcesses processes{.pids = {subject.process.pid()}};
  ProgressObserver observer(context.clock, subject.topology.page_bytes, [&] {
    keeper.Restore();
    std::cerr << "Note: a kernel call is stalled, so numa-migrate gives up; numa-migrate --check "
                 "shows where the pages are. This process ends when the call returns\n";
    std::_Exit(CodeOfSignal());
  });
  const WorkloadMigration result =
      MoveWorkload(context, workload, processes, options.spec, observer);
  observer.Finish();
  const bool succeeded = result.state == MigrationState::kSucceeded;
  const absl::Status kept = succeeded && EndSignal() == 0 ? keeper.KeepThere() : absl::OkStatus();
  AddObservations(context, options, subject, result, observations);
  const absl::Status ended = keeper.RestoreBalancing();
  if (!ended.ok()) observations.notes.emplace_back(ended.message());
  observations.notes.insert(observations.notes.end(), keeper.notes().begin(), keeper.notes().end());
  if (!FoundNothing(result)) {
    std::cout << MigrationReport(options, result, observations) << std::flush;
  }
  // JSON and CSV have these figures among their fields.
  if (options.format == OutputFormat::kText && result.calls.Count() > 0) {
    observations.notes.push_back(StallNote(result));
  }
  NL_RETURN_IF_ERROR(kept);
  return Judge(options, result, context.host);
}

absl::StatusOr<ExitCode> DryRun(const EngineContext& context, const Options& options,
                                const Subject& subject) {
  // --policy bind would allow the targets before the check.
  if (options.bind == BindPolicy::kNone) {
    NL_RETURN_IF_ERROR(CheckTargets(context, options, subject));
  }
  ProgressObserver observer(context.clock, subject.topology.page_bytes, [] {});
  const WorkloadMigration planned =
      PlanWorkload(context, WorkloadOf(context.host, subject), {.pids = {subject.process.pid()}},
                   options.spec, observer);
  observer.Finish();
  if (planned.reason != MigrationReason::kNone) return Judge(options, planned, context.host);
  NL_ASSIGN_OR_RETURN(const DryRunPlan plan, MakePlan(context, options, subject, planned));
  std::cout << PlanReport(options, plan);
  return kExitSuccess;
}

// The result when a signal comes before the first page is scanned.
ExitCode EndBeforeMoving(const Options& options, const Observations& observations) {
  WorkloadMigration nothing;
  nothing.state = MigrationState::kCancelled;
  nothing.reason = MigrationReason::kCancelled;
  if (!options.dry_run) std::cout << MigrationReport(options, nothing, observations) << std::flush;
  return CodeOfSignal();
}

void NoteBalancing(const Options& options, const Host& host, std::vector<std::string>& notes) {
  if (options.balancing_off || ReadNumaBalancing(host).value_or(0) == 0) return;
  notes.emplace_back(
      "automatic NUMA balancing is on and may move pages back; --numa-balancing off switches it "
      "off while numa-migrate runs");
}

}  // namespace

absl::StatusOr<ExitCode> Migrate(const EngineContext& context, const Options& asked) {
  CatchEndSignals();
  Options options = asked;
  Observations observations;
  NL_ASSIGN_OR_RETURN(options.spec.sharing,
                      DecideSharing(options, context.host, observations.notes));
  const auto subject = OpenSubject(context, options.pid);
  if (!subject.ok()) return WithDenial(subject.status(), Capability::kSysPtrace, context.host);
  const auto ranges = FindPart(options.part, subject->process, subject->scanner, options.spec.kinds,
                               subject->topology.page_bytes);
  if (EndSignal() != 0) return EndBeforeMoving(options, observations);
  if (!ranges.ok()) {
    return WithDenial(OrGone(ranges.status(), subject->process), Capability::kSysPtrace,
                      context.host);
  }
  options.spec.ranges = *ranges;
  NL_RETURN_IF_ERROR(CheckSpec(options.spec, subject->topology));
  NoteBalancing(options, context.host, observations.notes);
  absl::StatusOr<ExitCode> exit_code = options.dry_run
                                           ? DryRun(context, options, *subject)
                                           : Run(context, options, *subject, observations);
  for (const std::string& note : observations.notes) std::cerr << "Note: " << note << "\n";
  if (absl::IsCancelled(exit_code.status())) return CodeOfSignal();
  if (!exit_code.ok()) return OrGone(exit_code.status(), subject->process);
  return exit_code;
}

}  // namespace numalocality::numa_migrate
