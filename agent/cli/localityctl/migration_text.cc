#include "agent/cli/localityctl/migration_text.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/base/units.h"
#include "agent/cli/localityctl/words.h"
#include "agent/cli/table.h"

namespace numalocality::localityctl {
namespace {

// " to node 1"; "" while the target is not known.
std::string TargetWords(const v1::WorkloadMigration& workload) {
  if (workload.target_node_ids().empty()) return "";
  return absl::StrCat(" to node ", IdList(workload.target_node_ids()));
}

// `before` and "NO_ROOM: node 1 has ..."; "" without a reason, and for CANCELLED, which the state
// says already.
std::string ReasonWords(v1::MigrationReason reason, const std::string& message,
                        absl::string_view before) {
  if (reason == v1::MIGRATION_REASON_UNSPECIFIED || reason == v1::MIGRATION_REASON_CANCELLED) {
    return "";
  }
  return absl::StrCat(before, ReasonWord(reason), message.empty() ? "" : ": ", message);
}

std::string OutcomesText(const v1::WorkloadMigration& workload, int64_t page_bytes) {
  if (workload.examined_page_count() == 0) return "";
  Table table({{"PAGES", Table::Align::kRight}, {"BYTES", Table::Align::kRight}, {"OUTCOME"}});
  const auto add = [&](int64_t pages, const std::string& what) {
    table.AddRow({absl::StrCat(pages), FormatBytes(pages * page_bytes), what});
  };
  std::string advice;
  for (const v1::OutcomeCount& count : workload.outcomes()) {
    const std::string word = OutcomeWords(count.outcome());
    add(count.page_count(), word);
    if (!count.advice().empty()) absl::StrAppend(&advice, "  ", word, ": ", count.advice(), ".\n");
  }
  add(workload.examined_page_count(), "in all");
  return absl::StrCat(table.ToString(2), advice, "\n");
}

// Anonymous, shmem and mapped page cache bytes: the kinds that a request can name.
int64_t MovableBytes(const v1::NodeUsage& usage) {
  return AnonAndShmemBytes(usage) + usage.file_bytes();
}

std::string BeforeAndAfterText(const v1::WorkloadMigration& workload) {
  std::map<int, std::pair<int64_t, int64_t>> bytes;
  for (const v1::NodeUsage& usage : workload.before()) {
    bytes[usage.node_id()].first = MovableBytes(usage);
  }
  for (const v1::NodeUsage& usage : workload.after()) {
    bytes[usage.node_id()].second = MovableBytes(usage);
  }
  const bool has_after = !workload.after().empty();
  Table table({{"NODE", Table::Align::kRight},
               {"BEFORE", Table::Align::kRight},
               {"AFTER", Table::Align::kRight}});
  for (const auto& [node, before_after] : bytes) {
    table.AddRow({absl::StrCat(node), FormatBytes(before_after.first),
                  has_after ? FormatBytes(before_after.second) : ""});
  }
  return bytes.empty() ? "" : table.ToString(2) + "\n";
}

std::string PercentWords(int64_t part, int64_t whole) {
  return absl::StrFormat("%.1f%%", 100 * static_cast<double>(part) / static_cast<double>(whole));
}

// "100.0% of the wanted pages are on node 1 (65540 of 65540)", then a table of the verifications if
// there are several, then the drift.
std::string OnTargetText(const v1::WorkloadMigration& workload) {
  const int64_t wanted =
      workload.examined_page_count() - PagesOf(workload, v1::PAGE_OUTCOME_SHARED);
  if (wanted == 0) return "  The workload has no page to move.\n";
  std::string text =
      absl::StrCat("  ", PercentWords(workload.on_target_page_count(), wanted),
                   " of the wanted pages are on node ", IdList(workload.target_node_ids()), " (",
                   workload.on_target_page_count(), " of ", wanted, ")\n");
  if (workload.verifications_size() > 1) {
    Table table({{"AFTER", Table::Align::kRight},
                 {"ON TARGET", Table::Align::kRight},
                 {"DRIFTED", Table::Align::kRight}});
    for (const v1::Verification& verification : workload.verifications()) {
      table.AddRow({SecondsWords(verification.after()),
                    PercentWords(verification.on_target_page_count(), wanted),
                    absl::StrCat(verification.drifted_page_count())});
    }
    text += table.ToString(2);
  }
  if (workload.drifted_page_count() > 0) {
    absl::StrAppend(&text, "  ", workload.drifted_page_count(),
                    " pages drifted: they left the target after the move, or were replaced by "
                    "memory allocated elsewhere.\n");
  }
  for (const v1::DriftCause& cause : workload.drift_causes()) {
    absl::StrAppend(&text, "    likely cause: ", cause.cause(),
                    "\n    what stops it: ", cause.remedy(), "\n");
  }
  return text;
}

// The comparison with the kernel's counters in memory.numa_stat.
std::string CrossCheckText(const v1::CrossCheck& check) {
  switch (check.verdict()) {
    case v1::CROSS_CHECK_VERDICT_AGREES: break;
    case v1::CROSS_CHECK_VERDICT_DISAGREES:
      return absl::StrCat("  Cross-check disagrees: ", check.note(), ".\n");
    case v1::CROSS_CHECK_VERDICT_TOO_COARSE:
      return absl::StrCat("  Cross-check is too coarse: ", check.note(), ".\n");
    case v1::CROSS_CHECK_VERDICT_UNAVAILABLE:
      return absl::StrCat("  Cross-check is not available: ", check.note(), ".\n");
    default: return "";
  }
  std::string text = absl::StrCat("  Cross-check with memory.numa_stat agrees to within ",
                                  FormatBytes(check.tolerance_bytes()), ":");
  absl::string_view before = " ";
  for (const v1::ChargedMemory& node : check.nodes()) {
    absl::StrAppend(&text, std::exchange(before, ", "), "node ", node.node_id(), " ",
                    FormatBytesChange(node.after_bytes() - node.before_bytes()));
  }
  return text + ".\n";
}

// The kernel calls, holds and waits of the migration.
std::string EffortText(const v1::WorkloadMigration& workload) {
  std::string text = absl::StrCat("  Kernel calls: ", workload.move_call_count(), " in ",
                                  SecondsWords(workload.move_call_time()), ", the longest ",
                                  SecondsWords(workload.longest_move_call()), ".");
  if (workload.moved_huge_page_count() + workload.split_huge_page_count() > 0) {
    absl::StrAppend(&text, " Huge pages: ", workload.moved_huge_page_count(), " stayed whole, ",
                    workload.split_huge_page_count(), " were split.");
  }
  text += "\n";
  if (workload.hold_count() > 0) {
    absl::StrAppend(&text, "  Held ", workload.hold_count(), " times, ",
                    SecondsWords(workload.hold_time()), " in all, the longest ",
                    SecondsWords(workload.longest_hold()), ".\n");
  }
  if (workload.unheld_batch_count() > 0) {
    absl::StrAppend(&text, "  ", workload.unheld_batch_count(),
                    " batches moved without a hold: threads did not stop in time, or the kernel "
                    "took too long.\n");
  }
  const auto add_wait = [&](const google::protobuf::Duration& time, absl::string_view what) {
    if (time.seconds() == 0 && time.nanos() == 0) return;
    absl::StrAppend(&text, "  Waited ", SecondsWords(time), " for ", what, ".\n");
  };
  add_wait(workload.bandwidth_wait_time(), "the bandwidth limit");
  add_wait(workload.pressure_wait_time(), "memory pressure to fall");
  return text;
}

std::string NotesText(const v1::WorkloadMigration& workload) {
  std::string text;
  for (const std::string& note :
       {workload.room_note(), workload.sharing_note(), workload.stick_note()}) {
    if (!note.empty()) absl::StrAppend(&text, "  ", note, "\n");
  }
  return text;
}

std::string ProcessesText(const v1::WorkloadMigration& workload) {
  std::string text = absl::StrCat("  Processes: ", workload.process_count());
  if (workload.vanished_process_count() > 0) {
    absl::StrAppend(&text, ", of which ", workload.vanished_process_count(),
                    " exited during the migration");
  }
  const std::string method = ScanMethodWord(workload.scan_method());
  return absl::StrCat(text, method.empty() ? "" : ". Pages found by: ", method, ".\n");
}

std::string WorkloadResultText(const v1::WorkloadMigration& workload, int64_t page_bytes) {
  return absl::StrCat("\n", WorkloadWords(workload.workload()), TargetWords(workload), ": ",
                      StateWord(workload.state()),
                      ReasonWords(workload.reason(), workload.message(), ", "), "\n",
                      OutcomesText(workload, page_bytes), BeforeAndAfterText(workload),
                      OnTargetText(workload), CrossCheckText(workload.cross_check()),
                      NotesText(workload), ProcessesText(workload), EffortText(workload));
}

}  // namespace

int64_t PagesOf(const v1::WorkloadMigration& workload, v1::PageOutcome outcome) {
  int64_t pages = 0;
  for (const v1::OutcomeCount& count : workload.outcomes()) {
    if (count.outcome() == outcome) pages += count.page_count();
  }
  return pages;
}

int64_t MovedBytes(const v1::Migration& migration) {
  int64_t pages = 0;
  for (const auto& workload : migration.workloads()) {
    pages += PagesOf(workload, v1::PAGE_OUTCOME_MOVED);
  }
  return pages * migration.page_bytes();
}

int64_t PlannedBytes(const v1::Migration& migration) {
  int64_t pages = 0;
  for (const auto& workload : migration.workloads()) pages += workload.planned_page_count();
  return pages * migration.page_bytes();
}

std::string MigrationsText(const google::protobuf::RepeatedPtrField<v1::Migration>& list,
                           const std::vector<std::string>& machines) {
  if (list.empty()) return "No migrations.\n";
  Table table({{"ID"},
               {"STATE"},
               {"REASON"},
               {"WORKLOAD"},
               {"MOVED", Table::Align::kRight},
               {"PLANNED", Table::Align::kRight},
               {"TIME", Table::Align::kRight},
               {"CREATED"}});
  for (const v1::Migration& migration : list) {
    std::string workloads;
    if (!migration.workloads().empty())
      workloads = WorkloadWords(migration.workloads(0).workload());
    if (migration.workloads_size() > 1) {
      absl::StrAppend(&workloads, " and ", migration.workloads_size() - 1, " more");
    }
    table.AddRow({migration.id(), StateWord(migration.state()), ReasonWord(migration.reason()),
                  workloads, FormatBytes(MovedBytes(migration)),
                  FormatBytes(PlannedBytes(migration)), RunTimeWords(migration),
                  TimeWords(migration.create_time())});
  }
  if (!machines.empty()) table.Prepend({"NODE"}, machines);
  return table.ToString();
}

std::string ResultText(const v1::Migration& migration) {
  const std::string time = RunTimeWords(migration);
  std::string text = absl::StrCat("Migration ", migration.id(), ": ", StateWord(migration.state()),
                                  time.empty() ? "" : " after ", time, "\n");
  for (const auto& workload : migration.workloads()) {
    text += WorkloadResultText(workload, migration.page_bytes());
  }
  return text;
}

std::string PlanText(const v1::Migration& plan) {
  std::string text = "This is a plan; nothing was moved.\n";
  for (const auto& workload : plan.workloads()) {
    const int64_t bytes = workload.planned_page_count() * plan.page_bytes();
    absl::StrAppend(&text, "\n", WorkloadWords(workload.workload()), ": would move ",
                    workload.planned_page_count(), " pages (", FormatBytes(bytes), ")",
                    TargetWords(workload),
                    ReasonWords(workload.reason(), workload.message(), "; cannot move it: "), "\n");
    Table table({{"NODE", Table::Align::kRight}, {"NOW", Table::Align::kRight}});
    for (const v1::NodeUsage& usage : workload.before()) {
      table.AddRow({absl::StrCat(usage.node_id()), FormatBytes(MovableBytes(usage))});
    }
    if (!workload.before().empty()) text += table.ToString(2);
    text += NotesText(workload);
  }
  return text;
}

}  // namespace numalocality::localityctl
