#include "agent/cli/numa_migrate/report.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/base/units.h"
#include "agent/cli/numa_migrate/failures.h"
#include "agent/cli/numa_migrate/migration_record.h"
#include "agent/cli/numa_migrate/stay.h"

namespace numalocality::numa_migrate {
namespace {

double Percent(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

// Pages that are not where they should be, indented, with what to do about them.
std::string OutcomeLine(const WorkloadMigration& result, PageOutcome outcome) {
  const bool is_unproved = outcome == PageOutcome::kShared && !result.sharing_note.empty();
  return absl::StrCat("  ", PageOutcomeName(outcome), ": ", result.outcomes[outcome], " (",
                      is_unproved ? result.sharing_note : PageOutcomeAdvice(outcome), ")\n");
}

std::string CountsText(const WorkloadMigration& result) {
  const OutcomeCounts& outcomes = result.outcomes;
  std::string text =
      absl::StrCat("Pages examined: ", outcomes.Total(), "\nMoved: ", outcomes[PageOutcome::kMoved],
                   "\nUnchanged: ", outcomes[PageOutcome::kAlreadyThere],
                   "\nBusy: ", outcomes[PageOutcome::kBusy], "\n");
  if (outcomes[PageOutcome::kBusy] > 0) {
    absl::StrAppend(&text, "  (", PageOutcomeAdvice(PageOutcome::kBusy), ")\n");
  }
  absl::StrAppend(&text, "Failed: ", FailedPages(outcomes), "\n");
  for (const PageOutcome outcome : FailureOutcomes()) {
    if (outcomes[outcome] > 0) absl::StrAppend(&text, OutcomeLine(result, outcome));
  }
  return text;
}

std::string NumaMapsLine(const Options& options, const NumaMapsCheck& look, int64_t examined) {
  if (look.skipped) {
    return absl::StrCat("  numa_maps: not read, as a mapping has ", FormatBytes(look.largest_bytes),
                        " and the process's mmap would stall; --verify-numa-maps reads it\n");
  }
  if (look.pages == 0 && look.differing_pages == 0) {
    return "  numa_maps: tells nothing of these pages, as no mapping of nothing but such memory "
           "lies "
           "in the range as a whole\n";
  }
  std::string text = "  numa_maps: ";
  if (options.spec.node_map.empty()) {
    absl::StrAppendFormat(&text, "%.1f%% on %s; ", Percent(look.pages_on_target, look.pages),
                          TargetWords(options));
  }
  if (look.differing_pages == 0 && look.pages >= examined) {
    return absl::StrCat(text, "agrees to the page\n");
  }
  if (look.differing_pages == 0) {
    return absl::StrCat(text, "agrees to the page on the ", look.pages, " that it tells apart\n");
  }
  return absl::StrCat(text, "disagrees on ", look.differing_pages, " of ", look.pages,
                      " pages, as happens while a process allocates memory\n");
}

std::string VerificationText(const Options& options, const WorkloadMigration& result,
                             const Findings& findings) {
  std::string text = absl::StrFormat("Verification: %.1f%% on %s\n",
                                     Percent(result.pages_on_target, result.outcomes.Wanted()),
                                     TargetWords(options));
  for (const Verification& look : result.verifications) {
    absl::StrAppendFormat(&text, "  after %s: %.1f%%, %d drifted\n",
                          absl::FormatDuration(absl::Trunc(look.after, absl::Milliseconds(1))),
                          Percent(look.pages_on_target, result.outcomes.Wanted()),
                          look.drifted_pages);
  }
  if (findings.numa_maps.has_value()) {
    absl::StrAppend(&text, NumaMapsLine(options, *findings.numa_maps, result.outcomes.Total()));
  }
  return text;
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
  std::vector<Record> nodes;
  for (const auto& [node, count] : pages) {
    absl::StrAppendFormat(&text, "Node %d: %.1f%% pages\n", node.value, Percent(count, total));
    Record& each = nodes.emplace_back();
    // A line of CSV stands alone, an entry of JSON within the process's.
    if (options.format == OutputFormat::kCsv) each.Add("pid", int64_t{options.pid});
    each.Add("node", int64_t{node.value});
    each.Add("pages", count);
    each.Add("percent", Percent(count, total));
  }
  if (options.format == OutputFormat::kText) return text;
  if (options.format == OutputFormat::kCsv) return Record::ToCsv(nodes);
  Record record;
  record.Add("pid", int64_t{options.pid});
  record.Add("pages", total);
  record.Add("nodes", nodes);
  return Print(options.format, record);
}

std::string MigrationReport(const Options& options, const WorkloadMigration& result,
                            const Findings& findings) {
  if (options.format != OutputFormat::kText) {
    return Print(options.format, MigrationRecord(options, result, findings));
  }
  std::string text = CountsText(result);
  if (!WasVerified(result)) return text;
  if (result.drifted_pages > 0) absl::StrAppend(&text, "Drifted: ", result.drifted_pages, "\n");
  for (const DriftCause& cause : findings.drift_causes) {
    absl::StrAppend(&text, "  likely cause: ", cause.cause, "\n  what stops it: ", cause.remedy,
                    "\n");
  }
  if (options.verify) absl::StrAppend(&text, VerificationText(options, result, findings));
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

std::string Print(OutputFormat format, const Record& record) {
  return format == OutputFormat::kCsv ? Record::ToCsv({record})
                                      : absl::StrCat(record.ToJson(), "\n");
}

}  // namespace numalocality::numa_migrate
