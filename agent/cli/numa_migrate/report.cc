#include "agent/cli/numa_migrate/report.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "agent/base/log.h"
#include "agent/base/units.h"

namespace numalocality {
namespace {

// The lines that people read group the outcomes; all that are not named here have failed.
bool IsFailure(PageOutcome outcome) {
  return outcome != PageOutcome::kMoved && outcome != PageOutcome::kAlreadyThere &&
         outcome != PageOutcome::kBusy;
}

// The failures that occurred, and their sum.
struct Failures {
  std::vector<std::pair<PageOutcome, int64_t>> by_outcome;
  int64_t pages = 0;
};

Failures FailuresOf(const OutcomeCounts& outcomes) {
  Failures failures;
  for (int i = 0; i < kPageOutcomeCount; ++i) {
    const auto outcome = static_cast<PageOutcome>(i);
    if (!IsFailure(outcome) || outcomes[outcome] == 0) continue;
    failures.by_outcome.emplace_back(outcome, outcomes[outcome]);
    failures.pages += outcomes[outcome];
  }
  return failures;
}

double Percent(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

bool IsVerified(const WorkloadMigration& result) {
  return result.state != MigrationState::kCancelled && result.outcomes.Total() > 0;
}

// One JSON object from keys and values that are JSON already.
std::string JsonObject(const std::vector<std::pair<std::string, std::string>>& members) {
  return absl::StrCat("{",
                      absl::StrJoin(members, ", ",
                                    [](std::string* out, const auto& member) {
                                      absl::StrAppend(out, "\"", member.first,
                                                      "\": ", member.second);
                                    }),
                      "}");
}

std::string JsonString(absl::string_view text) { return absl::StrCat("\"", LogSafe(text), "\""); }

std::string JsonReport(const Options& options, const WorkloadMigration& result) {
  const OutcomeCounts& outcomes = result.outcomes;
  const Failures failures = FailuresOf(outcomes);
  std::vector<std::pair<std::string, std::string>> reasons;
  for (const auto& [outcome, pages] : failures.by_outcome) {
    reasons.emplace_back(absl::StrReplaceAll(PageOutcomeName(outcome), {{" ", "_"}}),
                         absl::StrCat(pages));
  }
  std::vector<std::pair<std::string, std::string>> members = {
      {"pid", absl::StrCat(options.pid)},
      {"pages", absl::StrCat(outcomes.Total())},
      {"moved", absl::StrCat(outcomes[PageOutcome::kMoved])},
      {"unchanged", absl::StrCat(outcomes[PageOutcome::kAlreadyThere])},
      {"busy", absl::StrCat(outcomes[PageOutcome::kBusy])},
      {"failed", absl::StrCat(failures.pages)},
      {"failed_by_reason", JsonObject(reasons)},
      {"wanted", absl::StrCat(outcomes.Wanted())},
      {"target_node", absl::StrCat(options.to_node.value)},
      {"state", JsonString(MigrationStateName(result.state))},
      {"reason", JsonString(MigrationReasonName(result.reason))},
      {"message", JsonString(result.message)},
      {"move_calls", absl::StrCat(result.calls.Count())},
      {"move_call_seconds", absl::StrCat(absl::ToDoubleSeconds(result.calls.total))},
      {"longest_move_call_seconds", absl::StrCat(absl::ToDoubleSeconds(result.calls.longest))}};
  if (IsVerified(result)) {
    members.emplace_back("on_target", absl::StrCat(result.pages_on_target));
    members.emplace_back("drifted", absl::StrCat(result.drifted_pages));
  }
  return JsonObject(members) + "\n";
}

}  // namespace

std::string CheckReport(const Options& options, const std::map<NodeId, int64_t>& pages) {
  int64_t total = 0;
  for (const auto& [node, count] : pages) total += count;
  std::vector<std::string> lines;
  lines.reserve(pages.size());
  for (const auto& [node, count] : pages) {
    lines.push_back(
        options.json
            ? JsonObject({{"node", absl::StrCat(node.value)},
                          {"pages", absl::StrCat(count)},
                          {"percent", absl::StrFormat("%.1f", Percent(count, total))}})
            : absl::StrFormat("Node %d: %.1f%% pages\n", node.value, Percent(count, total)));
  }
  if (!options.json) return absl::StrJoin(lines, "");
  return JsonObject({{"pid", absl::StrCat(options.pid)},
                     {"pages", absl::StrCat(total)},
                     {"nodes", absl::StrCat("[", absl::StrJoin(lines, ", "), "]")}}) +
         "\n";
}

std::string PlanReport(const Options& options, const WorkloadMigration& plan, int64_t page_bytes,
                       int64_t free_bytes) {
  const int64_t there_bytes = plan.before.BytesOn(plan.target_nodes, kAllKinds);
  const int64_t planned_bytes = plan.pages_planned * page_bytes;
  if (options.json) {
    return JsonObject({{"pid", absl::StrCat(options.pid)},
                       {"dry_run", "true"},
                       {"would_move", absl::StrCat(plan.pages_planned)},
                       {"would_move_bytes", absl::StrCat(planned_bytes)},
                       {"unchanged", absl::StrCat(there_bytes / page_bytes)},
                       {"target_node", absl::StrCat(options.to_node.value)},
                       {"target_free_bytes", absl::StrCat(free_bytes)}}) +
           "\n";
  }
  return absl::StrCat("Would move: ", plan.pages_planned, " pages (", FormatBytes(planned_bytes),
                      ") to node ", options.to_node.value, "\n",
                      "Unchanged: ", there_bytes / page_bytes, "\n", "Free on node ",
                      options.to_node.value, ": ", FormatBytes(free_bytes), "\n");
}

std::string MigrationReport(const Options& options, const WorkloadMigration& result) {
  if (options.json) return JsonReport(options, result);
  const OutcomeCounts& outcomes = result.outcomes;
  const Failures failures = FailuresOf(outcomes);
  std::string text =
      absl::StrCat("Pages examined: ", outcomes.Total(), "\nMoved: ", outcomes[PageOutcome::kMoved],
                   "\nUnchanged: ", outcomes[PageOutcome::kAlreadyThere],
                   "\nBusy: ", outcomes[PageOutcome::kBusy], "\nFailed: ", failures.pages, "\n");
  for (const auto& [outcome, pages] : failures.by_outcome) {
    absl::StrAppend(&text, "  ", PageOutcomeName(outcome), ": ", pages, "\n");
  }
  if (!IsVerified(result)) return text;
  if (result.drifted_pages > 0) absl::StrAppend(&text, "Drifted: ", result.drifted_pages, "\n");
  if (options.verify) {
    absl::StrAppendFormat(&text, "Verification: %.1f%% on node %d\n",
                          Percent(result.pages_on_target, outcomes.Total()), options.to_node.value);
  }
  return text;
}

}  // namespace numalocality
