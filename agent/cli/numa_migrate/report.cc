#include "agent/cli/numa_migrate/report.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/base/units.h"
#include "agent/cli/numa_migrate/keep_placement.h"

namespace numalocality::numa_migrate {
namespace {

// The outcomes that the report counts as failed: all but those with a line of their own.
std::vector<PageOutcome> FailureOutcomes() {
  std::vector<PageOutcome> failures = AllValues<PageOutcome>();
  std::erase_if(failures, [](PageOutcome outcome) {
    return outcome == PageOutcome::kMoved || outcome == PageOutcome::kAlreadyThere ||
           outcome == PageOutcome::kBusy;
  });
  return failures;
}

int64_t FailedPages(const OutcomeCounts& outcomes) {
  int64_t pages = 0;
  for (const PageOutcome outcome : FailureOutcomes()) pages += outcomes[outcome];
  return pages;
}

double Percent(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

// An indented line for pages that are not on target, with advice.
std::string OutcomeLine(const WorkloadMigration& result, PageOutcome outcome) {
  const bool is_unproved = outcome == PageOutcome::kShared && !result.sharing_note.empty();
  return absl::StrCat("  ", WordsOf(outcome), ": ", result.outcomes[outcome], " (",
                      is_unproved ? result.sharing_note : AdviceOf(outcome), ")\n");
}

std::string CountsText(const WorkloadMigration& result) {
  const OutcomeCounts& outcomes = result.outcomes;
  std::string text =
      absl::StrCat("Pages examined: ", outcomes.Total(), "\nMoved: ", outcomes[PageOutcome::kMoved],
                   "\nUnchanged: ", outcomes[PageOutcome::kAlreadyThere],
                   "\nBusy: ", outcomes[PageOutcome::kBusy], "\n");
  if (outcomes[PageOutcome::kBusy] > 0) {
    absl::StrAppend(&text, "  (", AdviceOf(PageOutcome::kBusy), ")\n");
  }
  absl::StrAppend(&text, "Failed: ", FailedPages(outcomes), "\n");
  for (const PageOutcome outcome : FailureOutcomes()) {
    if (outcomes[outcome] > 0) absl::StrAppend(&text, OutcomeLine(result, outcome));
  }
  return text;
}

std::string NumaMapsLine(const Options& options, const NumaMapsCheck& check, int64_t examined) {
  if (check.skipped) {
    return absl::StrCat(
        "  numa_maps: not read, as a mapping has ", FormatBytes(check.largest_bytes),
        " and reading it would stall the process's mmap; --verify-numa-maps reads it "
        "anyway\n");
  }
  if (check.pages == 0 && check.differing_pages == 0) {
    return "  numa_maps: no comparison, as no mapping with only anonymous or shared memory lies "
           "completely in the range\n";
  }
  std::string text = "  numa_maps: ";
  if (options.spec.node_map.empty()) {
    absl::StrAppendFormat(&text, "%.1f%% on %s; ", Percent(check.pages_on_target, check.pages),
                          TargetWords(options));
  }
  if (check.differing_pages == 0 && check.pages >= examined) {
    return absl::StrCat(text, "agrees on every page\n");
  }
  if (check.differing_pages == 0) {
    return absl::StrCat(text, "agrees on all ", check.pages, " pages that it can compare\n");
  }
  return absl::StrCat(text, "disagrees on ", check.differing_pages, " of ", check.pages,
                      " pages, which is normal while the process allocates memory\n");
}

std::string VerificationText(const Options& options, const WorkloadMigration& result,
                             const Observations& observations) {
  std::string text = absl::StrFormat("Verification: %.1f%% on %s\n",
                                     Percent(result.pages_on_target, result.outcomes.Wanted()),
                                     TargetWords(options));
  for (const Verification& verification : result.verifications) {
    absl::StrAppendFormat(
        &text, "  after %s: %.1f%%, %d drifted\n",
        absl::FormatDuration(absl::Trunc(verification.after, absl::Milliseconds(1))),
        Percent(verification.pages_on_target, result.outcomes.Wanted()),
        verification.drifted_pages);
  }
  if (observations.numa_maps.has_value()) {
    absl::StrAppend(&text, NumaMapsLine(options, *observations.numa_maps, result.outcomes.Total()));
  }
  return text;
}

Fields CallFields(const CallTimes& calls) {
  Fields fields;
  fields.Add("count", calls.Count());
  fields.Add("seconds", absl::ToDoubleSeconds(calls.total));
  fields.Add("longest_seconds", absl::ToDoubleSeconds(calls.longest));
  return fields;
}

void AddVerification(const WorkloadMigration& result, const Observations& observations,
                     Fields& fields) {
  fields.Add("on_target", result.pages_on_target);
  fields.Add("drifted", result.drifted_pages);
  std::vector<Fields> verifications;
  for (const Verification& verification : result.verifications) {
    Fields& each = verifications.emplace_back();
    each.Add("after_seconds", absl::ToDoubleSeconds(verification.after));
    each.Add("on_target", verification.pages_on_target);
    each.Add("drifted", verification.drifted_pages);
  }
  fields.Add("verifications", verifications);
  std::vector<Fields> causes;
  for (const DriftCause& cause : observations.drift_causes) {
    Fields& each = causes.emplace_back();
    each.Add("code", cause.code);
    each.Add("cause", cause.cause);
    each.Add("remedy", cause.remedy);
  }
  fields.Add("drift_causes", causes);
  if (observations.numa_maps.has_value()) {
    const NumaMapsCheck& check = *observations.numa_maps;
    Fields numa_maps;
    numa_maps.Add("skipped", check.skipped);
    numa_maps.Add("pages", check.pages);
    numa_maps.Add("on_target", check.pages_on_target);
    numa_maps.Add("differing", check.differing_pages);
    fields.Add("numa_maps", numa_maps);
  }
}

// The result of a migration for JSON and CSV. Only the options decide which names it has, except
// those of the verification.
Fields MigrationFields(const Options& options, const WorkloadMigration& result,
                       const Observations& observations) {
  const OutcomeCounts& outcomes = result.outcomes;
  Fields reasons;
  for (const PageOutcome outcome : FailureOutcomes()) {
    reasons.Add(KeyOf(outcome), outcomes[outcome]);
  }
  Fields fields;
  fields.Add("pid", int64_t{options.pid});
  fields.Add("pages", outcomes.Total());
  fields.Add("moved", outcomes[PageOutcome::kMoved]);
  fields.Add("unchanged", outcomes[PageOutcome::kAlreadyThere]);
  fields.Add("busy", outcomes[PageOutcome::kBusy]);
  fields.Add("failed", FailedPages(outcomes));
  fields.Add("failed_by_reason", reasons);
  fields.Add("wanted", outcomes.Wanted());
  AddTarget(options, fields);
  fields.Add("state", ApiNameOf(result.state));
  fields.Add("reason", ApiNameOf(result.reason));
  fields.Add("message", result.message);
  fields.Add("sharing", KeyOf(options.spec.sharing));
  fields.Add("scan_method", KeyOf(result.scan_method.value_or(ScanMethod::kQuery)));
  fields.Add("huge_pages_moved", result.huge_pages_moved);
  fields.Add("huge_pages_split", result.huge_pages_split);
  fields.Add("move_calls", CallFields(result.calls));
  if (options.spec.hold != HoldMode::kNone) {
    fields.Add("holds", CallFields(result.holds));
    fields.Add("unheld_batches", result.unheld_batches);
  }
  fields.Add("bandwidth_wait_seconds", absl::ToDoubleSeconds(result.bandwidth_wait));
  fields.Add("pressure_wait_seconds", absl::ToDoubleSeconds(result.pressure_wait));
  if (WasVerified(result)) AddVerification(result, observations, fields);
  fields.Add("notes", observations.notes);
  return fields;
}

}  // namespace

bool WasVerified(const WorkloadMigration& result) {
  const bool was_looked_at =
      result.state != MigrationState::kCancelled || !result.verifications.empty();
  return was_looked_at && result.outcomes.Total() > 0;
}

std::string TargetWords(const Options& options) {
  const NodeSet targets = TargetsOf(options.spec);
  return absl::StrCat(targets.size() == 1 ? "node " : "nodes ", targets.ToString());
}

std::string CheckReport(const Options& options, const std::map<NodeId, int64_t>& pages) {
  int64_t total = 0;
  for (const auto& [node, count] : pages) total += count;
  std::string text;
  std::vector<Fields> nodes;
  for (const auto& [node, count] : pages) {
    absl::StrAppendFormat(&text, "Node %d: %.1f%% pages\n", node.value, Percent(count, total));
    Fields& each = nodes.emplace_back();
    // Each line of CSV has the PID. JSON has it once, outside the list.
    if (options.format == OutputFormat::kCsv) each.Add("pid", int64_t{options.pid});
    each.Add("node", int64_t{node.value});
    each.Add("pages", count);
    each.Add("percent", Percent(count, total));
  }
  if (options.format == OutputFormat::kText) return text;
  if (options.format == OutputFormat::kCsv) return Fields::ToCsv(nodes);
  Fields fields;
  fields.Add("pid", int64_t{options.pid});
  fields.Add("pages", total);
  fields.Add("nodes", nodes);
  return Print(options.format, fields);
}

std::string MigrationReport(const Options& options, const WorkloadMigration& result,
                            const Observations& observations) {
  if (options.format != OutputFormat::kText) {
    return Print(options.format, MigrationFields(options, result, observations));
  }
  std::string text = CountsText(result);
  if (!WasVerified(result)) return text;
  if (result.drifted_pages > 0) absl::StrAppend(&text, "Drifted: ", result.drifted_pages, "\n");
  for (const DriftCause& cause : observations.drift_causes) {
    absl::StrAppend(&text, "  likely cause: ", cause.cause, "\n  what stops it: ", cause.remedy,
                    "\n");
  }
  if (options.verify) absl::StrAppend(&text, VerificationText(options, result, observations));
  return text;
}

std::string StallNote(const WorkloadMigration& result) {
  const auto longest = [](const CallTimes& times) {
    return absl::FormatDuration(absl::Trunc(times.longest, absl::Microseconds(1)));
  };
  std::string note = absl::StrCat("kernel calls that moved pages: ", result.calls.Count(),
                                  ", the longest ", longest(result.calls));
  if (result.holds.Count() == 0) return note;
  return absl::StrCat(note, "; holds of the process: ", result.holds.Count(), ", the longest ",
                      longest(result.holds));
}

std::string Print(OutputFormat format, const Fields& fields) {
  return format == OutputFormat::kCsv ? Fields::ToCsv({fields})
                                      : absl::StrCat(fields.ToJson(), "\n");
}

void AddTarget(const Options& options, Fields& fields) {
  const NodeSet& targets = options.spec.target_nodes;
  if (options.spec.node_map.empty() && targets.size() > 1) {
    fields.Add("target_nodes", targets.ToString());
  } else if (options.spec.node_map.empty()) {
    fields.Add("target_node", int64_t{targets.begin()->value});
  } else {
    fields.Add("node_map", FormatNodeMap(options.spec.node_map));
  }
}

}  // namespace numalocality::numa_migrate
