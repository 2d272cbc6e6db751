#include "agent/cli/localityctl/migration_text.h"

#include <google/protobuf/util/time_util.h>

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "agent/base/units.h"
#include "agent/cli/localityctl/words.h"
#include "agent/cli/table.h"

namespace numalocality {
namespace {

using google::protobuf::util::TimeUtil;

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Nanoseconds(TimeUtil::DurationToNanoseconds(duration));
}

// How long it has run; nothing unless it has ended.
std::string RunTimeWords(const v1::Migration& migration) {
  if (!migration.has_start_time() || !migration.has_end_time()) return "";
  return SecondsWords(FromProto(migration.end_time() - migration.start_time()));
}

// "to node 1", or nothing while that is not known.
std::string TargetWords(const v1::WorkloadMigration& workload) {
  if (workload.target_node_ids().empty()) return "";
  return absl::StrCat(" to node ", IdList(workload.target_node_ids()));
}

// "NO_ROOM: node 1 has ..." with `before` in front; "" for none, or none that the state leaves
// open.
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
  for (const v1::OutcomeCount& count : workload.outcomes()) {
    add(count.page_count(), OutcomeWord(count.outcome()));
  }
  add(workload.examined_page_count(), "in all");
  return table.ToString(2) + "\n";
}

// Anonymous, shmem and mapped page cache bytes: all that a migration can be asked to move.
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

// "100.0% of the wanted pages are on node 1 (65540 of 65540), 3 have drifted away".
std::string OnTargetWords(const v1::WorkloadMigration& workload) {
  const int64_t wanted =
      workload.examined_page_count() - PagesOf(workload, v1::PAGE_OUTCOME_SHARED);
  if (wanted == 0) return "  No page to move was found.\n";
  const double fraction =
      static_cast<double>(workload.on_target_page_count()) / static_cast<double>(wanted);
  std::string text =
      absl::StrFormat("  %.1f%% of the wanted pages are on node %s (%d of %d)", 100 * fraction,
                      IdList(workload.target_node_ids()), workload.on_target_page_count(), wanted);
  if (workload.drifted_page_count() > 0) {
    absl::StrAppend(&text, "; ", workload.drifted_page_count(), " were moved and drifted away");
  }
  return text + "\n";
}

std::string WorkloadResultText(const v1::WorkloadMigration& workload, int64_t page_bytes) {
  std::string text = absl::StrCat(
      "\n", WorkloadWords(workload.workload()), TargetWords(workload), ": ",
      StateWord(workload.state()), ReasonWords(workload.reason(), workload.message(), ", "), "\n",
      OutcomesText(workload, page_bytes), BeforeAndAfterText(workload), OnTargetWords(workload));
  absl::StrAppend(&text, "  Processes: ", workload.process_count());
  if (workload.vanished_process_count() > 0) {
    absl::StrAppend(&text, ", of which ", workload.vanished_process_count(), " gone at the end");
  }
  absl::StrAppend(&text, ". Kernel calls: ", workload.move_call_count(), " in ",
                  SecondsWords(FromProto(workload.move_call_time())), ", the longest ",
                  SecondsWords(FromProto(workload.longest_move_call())), ".\n");
  return text;
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

std::string MigrationsText(const google::protobuf::RepeatedPtrField<v1::Migration>& list) {
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
    google::protobuf::Timestamp created = migration.create_time();
    created.set_nanos(0);
    table.AddRow({migration.id(), StateWord(migration.state()), ReasonWord(migration.reason()),
                  workloads, FormatBytes(MovedBytes(migration)),
                  FormatBytes(PlannedBytes(migration)), RunTimeWords(migration),
                  TimeUtil::ToString(created)});
  }
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
  std::string text = "A plan only: nothing has been moved.\n";
  for (const auto& workload : plan.workloads()) {
    const int64_t bytes = workload.planned_page_count() * plan.page_bytes();
    absl::StrAppend(&text, "\n", WorkloadWords(workload.workload()), ": would move ",
                    workload.planned_page_count(), " pages (", FormatBytes(bytes), ")",
                    TargetWords(workload),
                    ReasonWords(workload.reason(), workload.message(), "; cannot, "), "\n");
    Table table({{"NODE", Table::Align::kRight}, {"NOW", Table::Align::kRight}});
    for (const v1::NodeUsage& usage : workload.before()) {
      table.AddRow({absl::StrCat(usage.node_id()), FormatBytes(MovableBytes(usage))});
    }
    if (!workload.before().empty()) text += table.ToString(2);
  }
  return text;
}

}  // namespace numalocality
