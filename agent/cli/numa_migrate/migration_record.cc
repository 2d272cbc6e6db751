#include "agent/cli/numa_migrate/migration_record.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "agent/cli/numa_migrate/failures.h"

namespace numalocality::numa_migrate {
namespace {

Record CallRecord(const CallTimes& calls) {
  Record record;
  record.Add("count", calls.Count());
  record.Add("seconds", absl::ToDoubleSeconds(calls.total));
  record.Add("longest_seconds", absl::ToDoubleSeconds(calls.longest));
  return record;
}

void AddVerification(const WorkloadMigration& result, const Findings& findings, Record& record) {
  record.Add("on_target", result.pages_on_target);
  record.Add("drifted", result.drifted_pages);
  std::vector<Record> looks;
  for (const Verification& look : result.verifications) {
    Record& each = looks.emplace_back();
    each.Add("after_seconds", absl::ToDoubleSeconds(look.after));
    each.Add("on_target", look.pages_on_target);
    each.Add("drifted", look.drifted_pages);
  }
  record.Add("verifications", looks);
  std::vector<Record> causes;
  for (const DriftCause& cause : findings.drift_causes) {
    Record& each = causes.emplace_back();
    each.Add("cause", cause.cause);
    each.Add("remedy", cause.remedy);
  }
  record.Add("drift_causes", causes);
  if (findings.numa_maps.has_value()) {
    const NumaMapsCheck& look = *findings.numa_maps;
    Record numa_maps;
    numa_maps.Add("skipped", look.skipped);
    numa_maps.Add("pages", look.pages);
    numa_maps.Add("on_target", look.pages_on_target);
    numa_maps.Add("differing", look.differing_pages);
    record.Add("numa_maps", numa_maps);
  }
}

}  // namespace

absl::string_view SharingRuleName(SharingRule rule) {
  switch (rule) {
    case SharingRule::kNever: return "never";
    case SharingRule::kOwned: return "owned";
    case SharingRule::kAll: return "all";
  }
  return "unknown";
}

std::string OutcomeKey(PageOutcome outcome) {
  return absl::StrReplaceAll(PageOutcomeName(outcome), {{" ", "_"}});
}

void AddTarget(const Options& options, Record& record) {
  if (options.spec.node_map.empty()) {
    record.Add("target_node", int64_t{options.spec.target_nodes.begin()->value});
  } else {
    record.Add("node_map", FormatNodeMap(options.spec.node_map));
  }
}

Record MigrationRecord(const Options& options, const WorkloadMigration& result,
                       const Findings& findings) {
  const OutcomeCounts& outcomes = result.outcomes;
  Record reasons;
  for (const PageOutcome outcome : FailureOutcomes()) {
    reasons.Add(OutcomeKey(outcome), outcomes[outcome]);
  }
  Record record;
  record.Add("pid", int64_t{options.pid});
  record.Add("pages", outcomes.Total());
  record.Add("moved", outcomes[PageOutcome::kMoved]);
  record.Add("unchanged", outcomes[PageOutcome::kAlreadyThere]);
  record.Add("busy", outcomes[PageOutcome::kBusy]);
  record.Add("failed", FailedPages(outcomes));
  record.Add("failed_by_reason", reasons);
  record.Add("wanted", outcomes.Wanted());
  AddTarget(options, record);
  record.Add("state", MigrationStateName(result.state));
  record.Add("reason", MigrationReasonName(result.reason));
  record.Add("message", result.message);
  record.Add("sharing", SharingRuleName(options.spec.sharing));
  record.Add("scan_method", ScanMethodName(result.scan_method));
  record.Add("huge_pages_moved", result.huge_pages_moved);
  record.Add("huge_pages_split", result.huge_pages_split);
  record.Add("move_calls", CallRecord(result.calls));
  if (options.spec.hold != HoldMode::kNone) {
    record.Add("holds", CallRecord(result.holds));
    record.Add("unheld_batches", result.unheld_batches);
  }
  record.Add("bandwidth_wait_seconds", absl::ToDoubleSeconds(result.bandwidth_wait));
  record.Add("pressure_wait_seconds", absl::ToDoubleSeconds(result.pressure_wait));
  if (WasVerified(result)) AddVerification(result, findings, record);
  record.Add("notes", findings.notes);
  return record;
}

}  // namespace numalocality::numa_migrate
