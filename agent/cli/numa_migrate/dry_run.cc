#include "agent/cli/numa_migrate/dry_run.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/base/units.h"
#include "agent/cli/numa_migrate/migration_record.h"
#include "agent/cli/numa_migrate/move_rate.h"
#include "agent/cli/numa_migrate/report.h"
#include "agent/cli/numa_migrate/shared_pages.h"
#include "agent/cli/numa_migrate/stay.h"
#include "agent/engine/workload/node_room.h"

namespace numalocality::numa_migrate {
namespace {

// Where memory on each node would go.
NodeMap MapOf(const MigrationSpec& spec, const Topology& topology) {
  if (!spec.node_map.empty()) return spec.node_map;
  return MapToNearest(topology, spec.target_nodes, spec.source_nodes);
}

// Counts what is on the sources of `map`, but of kinds that the request leaves out.
absl::Status CountLeftOut(const Subject& subject, const MigrationSpec& spec, const NodeSet& sources,
                          Forecast& forecast) {
  const KindSet left_out = {MemoryKind::kFile, MemoryKind::kHugetlb};
  const auto count = [&](absl::Span<const PageSpan> runs) {
    for (const PageSpan& run : runs) {
      if (!sources.Contains(run.node)) continue;
      (run.kind == MemoryKind::kFile ? forecast.page_cache_pages : forecast.hugetlb_pages) +=
          run.pages;
    }
    return true;
  };
  return ScanUntilSignal(subject.scanner, subject.process, spec.ranges, left_out, count);
}

// What would not fit. Nodes that give pages away make room as they do: those count as roomy enough.
absl::Status CountRoom(const EngineContext& context, const Subject& subject, const NodeMap& map,
                       const WorkloadMigration& plan, Forecast& forecast) {
  NodeRoom room(context.host, subject.topology);
  NL_RETURN_IF_ERROR(room.Read(context.limits.node_reserve));
  const NodeSet sources = SourcesOf(map);
  for (const NodeId target : TargetsOf(map)) {
    forecast.room_pages[target] = room.On(target).pages;
    if (sources.Contains(target)) continue;
    int64_t incoming = 0;
    for (const auto& [from, to] : map) {
      if (to != target || from == to) continue;
      incoming += plan.before.BytesOn({from}, kAllKinds) / forecast.page_bytes;
    }
    forecast.no_room_pages += std::max<int64_t>(0, incoming - forecast.room_pages[target]);
  }
  return absl::OkStatus();
}

std::optional<absl::Duration> ExpectedTime(const EngineContext& context, const Options& options,
                                           const NodeMap& map, const Forecast& forecast) {
  const auto pair = std::find_if(map.begin(), map.end(),
                                 [](const auto& each) { return each.first != each.second; });
  if (pair == map.end()) return absl::ZeroDuration();
  const auto page_time = MeasurePageMove(context, pair->first, pair->second, forecast.page_bytes);
  if (!page_time.has_value()) return std::nullopt;
  const absl::Duration time = *page_time * forecast.MovablePages();
  const int64_t rate = options.spec.limits.bytes_per_second;
  if (rate == 0) return time;
  const int64_t bytes = forecast.MovablePages() * forecast.page_bytes;
  return std::max(time, absl::Seconds(static_cast<double>(bytes) / static_cast<double>(rate)));
}

std::string PagesText(int64_t pages, const Forecast& forecast) {
  return absl::StrCat(pages, " pages (", FormatBytes(pages * forecast.page_bytes), ")");
}

Record ForecastRecord(const Options& options, const Forecast& forecast) {
  Record record;
  record.Add("pid", int64_t{options.pid});
  record.Add("dry_run", true);
  record.Add("would_move", forecast.MovablePages());
  record.Add("would_move_bytes", forecast.MovablePages() * forecast.page_bytes);
  record.Add("unchanged", forecast.unchanged_pages);
  if (forecast.shared_pages.has_value()) record.Add("shared", *forecast.shared_pages);
  record.Add("no_room", forecast.no_room_pages);
  record.Add("page_cache_left_out", forecast.page_cache_pages);
  record.Add("hugetlb_left_out", forecast.hugetlb_pages);
  AddTarget(options, record);
  Record room;
  for (const auto& [node, pages] : forecast.room_pages) {
    room.Add(absl::StrCat("node", node.value), pages * forecast.page_bytes);
  }
  record.Add("room_bytes", room);
  if (forecast.expected_time.has_value()) {
    record.Add("expected_seconds", absl::ToDoubleSeconds(*forecast.expected_time));
  }
  return record;
}

// Lines about pages that would stay, those of them that there are.
std::string StayingText(const Options& options, const Forecast& forecast) {
  std::string text;
  if (!forecast.shared_pages.has_value()) {
    absl::StrAppend(&text,
                    "  shared: unknown, as this program may not read the process's pagemap\n");
  } else if (*forecast.shared_pages > 0) {
    absl::StrAppend(&text, "  shared: ", *forecast.shared_pages, " (--shared ",
                    SharingRuleName(options.spec.sharing), ")\n");
  }
  if (forecast.no_room_pages > 0) {
    absl::StrAppend(&text, "  no memory on the target: ", forecast.no_room_pages, " (",
                    PageOutcomeAdvice(PageOutcome::kNoMemory), ")\n");
  }
  if (forecast.page_cache_pages > 0) {
    absl::StrAppend(&text, "  page cache: ", forecast.page_cache_pages, " (shared by nature)\n");
  }
  if (forecast.hugetlb_pages > 0) {
    absl::StrAppend(&text, "  hugetlb: ", forecast.hugetlb_pages, " (belong to nodes' pools)\n");
  }
  return text;
}

}  // namespace

absl::StatusOr<Forecast> MakeForecast(const EngineContext& context, const Options& options,
                                      const Subject& subject, const WorkloadMigration& plan) {
  const NodeMap map = MapOf(options.spec, subject.topology);
  Forecast forecast;
  forecast.page_bytes = subject.topology.page_bytes;
  forecast.misplaced_pages = plan.pages_planned;
  forecast.unchanged_pages =
      plan.before.Bytes(kAllKinds) / forecast.page_bytes - plan.pages_planned;
  const NodeSet sources = SourcesOf(map);
  NL_RETURN_IF_ERROR(CountLeftOut(subject, options.spec, sources, forecast));
  NL_RETURN_IF_ERROR(CountRoom(context, subject, map, plan, forecast));
  NL_ASSIGN_OR_RETURN(forecast.shared_pages,
                      CountSharedThatStay(context, options.spec, subject, sources));
  // What stays anyway needs no room.
  forecast.no_room_pages =
      std::max<int64_t>(0, forecast.no_room_pages - forecast.shared_pages.value_or(0));
  forecast.expected_time = ExpectedTime(context, options, map, forecast);
  return forecast;
}

std::string ForecastReport(const Options& options, const Forecast& forecast) {
  if (options.format != OutputFormat::kText) {
    return Print(options.format, ForecastRecord(options, forecast));
  }
  std::string text =
      absl::StrCat("Would move: ", PagesText(forecast.MovablePages(), forecast), " to ",
                   TargetWords(options), "\nUnchanged: ", forecast.unchanged_pages, "\n");
  const std::string staying = StayingText(options, forecast);
  if (!staying.empty()) absl::StrAppend(&text, "Would stay:\n", staying);
  for (const auto& [node, pages] : forecast.room_pages) {
    absl::StrAppend(&text, "Room on node ", node.value, ": ", PagesText(pages, forecast), "\n");
  }
  if (!forecast.expected_time.has_value()) return absl::StrCat(text, "Expected time: unknown\n");
  return absl::StrCat(
      text, "Expected time: ",
      absl::FormatDuration(absl::Trunc(*forecast.expected_time, absl::Milliseconds(1))),
      ", longer while the process is busy\n");
}

}  // namespace numalocality::numa_migrate
