#include "agent/cli/numa_migrate/dry_run.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/base/units.h"
#include "agent/cli/numa_migrate/keep_placement.h"
#include "agent/cli/numa_migrate/own_memory.h"
#include "agent/cli/numa_migrate/report.h"
#include "agent/engine/workload/node_room.h"
#include "agent/engine/workload/sharing_proof.h"
#include "agent/os/pages/pagemap.h"

namespace numalocality::numa_migrate {
namespace {

// Enough pages that the fixed cost of a call does not count, and few enough to take milliseconds.
constexpr size_t kPages = 1024;

bool MoveAll(const EngineContext& context, absl::Span<const uint64_t> addresses, NodeId target) {
  const std::vector<int> nodes(addresses.size(), target.value);
  std::vector<int> status(addresses.size(), kStatusUnwritten);
  const int result = context.kernel.MovePages(getpid(), addresses, nodes, absl::MakeSpan(status));
  return result == 0 && status == nodes;
}

// The time that a base page takes from one node to another in large batches, while no thread uses
// it: the median of three attempts on memory of this program. nullopt if this program may not move
// its own memory, or not between these nodes.
std::optional<absl::Duration> MeasurePageMove(const EngineContext& context, NodeId from, NodeId to,
                                              int64_t page_bytes) {
  auto memory = OwnMemory::Map(static_cast<int64_t>(kPages) * page_bytes, PageKind::kBase);
  if (!memory.ok()) return std::nullopt;
  std::vector<uint64_t> addresses(kPages);
  for (size_t i = 0; i < kPages; ++i) {
    addresses[i] = memory->range().start + i * static_cast<uint64_t>(page_bytes);
    memory->words()[i * static_cast<size_t>(page_bytes) / sizeof(uint64_t)] = 1;
  }
  std::array<absl::Duration, 3> times;
  for (absl::Duration& time : times) {
    if (!MoveAll(context, addresses, from)) return std::nullopt;
    const absl::Duration start = context.clock.Monotonic();
    if (!MoveAll(context, addresses, to)) return std::nullopt;
    time = context.clock.Monotonic() - start;
  }
  std::sort(times.begin(), times.end());
  return times[1] / kPages;
}

// Pagemap entries in one read: as many as a scan reads, so that the process waits no longer for it.
constexpr int64_t kPagesAtOnce = 4096;

// Ranges that are proved to belong to this process alone, although other processes could map them.
std::vector<AddressRange> OwnedRanges(const EngineContext& context, const MigrationSpec& spec,
                                      const ProcessHandle& process) {
  if (spec.sharing != SharingRule::kOwned) return {};
  const auto mappings = process.ReadMaps();
  if (!mappings.ok()) return {};
  Workload workload;
  workload.process = process.id();
  const auto proof =
      SharingProof::Take(context.kernel, context.clock, context.host, workload, {process.pid()});
  return proof.OwnedRanges(process.pid(), *mappings);
}

bool IsIn(const std::vector<AddressRange>& ranges, uint64_t address) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const AddressRange& range) {
    return range.start <= address && address < range.end;
  });
}

// Pages on `sources` in the ranges and of the kinds of `spec` that several processes map and that
// spec.sharing leaves. nullopt if this program may not read pagemap, which shows them. Errors as
// ScanUntilSignal.
absl::StatusOr<std::optional<int64_t>> CountSharedThatStay(const EngineContext& context,
                                                           const MigrationSpec& spec,
                                                           const Subject& subject,
                                                           const NodeSet& sources) {
  if (spec.sharing == SharingRule::kAll) return 0;
  const auto page = static_cast<uint64_t>(subject.topology.page_bytes);
  const auto pagemap = Pagemap::Open(context.kernel, subject.process, subject.topology.page_bytes);
  if (!pagemap.ok()) return std::nullopt;
  const std::vector<AddressRange> owned = OwnedRanges(context, spec, subject.process);
  int64_t shared = 0;
  std::vector<PagemapEntry> entries;
  absl::Status read;
  const auto count = [&](absl::Span<const PageSpan> spans) {
    for (const PageSpan& span : spans) {
      if (!sources.Contains(span.node) || IsIn(owned, span.address)) continue;
      for (int64_t done = 0; done < span.pages && read.ok(); done += kPagesAtOnce) {
        const uint64_t start = span.address + static_cast<uint64_t>(done) * page;
        const auto pages = static_cast<uint64_t>(std::min(kPagesAtOnce, span.pages - done));
        read = pagemap->Read({start, start + pages * page}, entries);
        shared += std::count_if(entries.begin(), entries.end(), [](const PagemapEntry& entry) {
          return entry.is_present() && !entry.is_exclusive();
        });
      }
    }
    return read.ok();
  };
  NL_RETURN_IF_ERROR(
      ScanUntilSignal(subject.scanner, subject.process, spec.ranges, spec.kinds, count));
  if (!read.ok()) return std::nullopt;
  return shared;
}

// The target of each source node.
NodeMap MapOf(const MigrationSpec& spec, const Topology& topology) {
  if (!spec.node_map.empty()) return spec.node_map;
  return MapToNearest(topology, spec.target_nodes, spec.source_nodes);
}

// Counts the pages on `sources` of the kinds that numa-migrate does not move.
absl::Status CountLeftOut(const Subject& subject, const MigrationSpec& spec, const NodeSet& sources,
                          DryRunPlan& plan) {
  const KindSet left_out = {MemoryKind::kFile, MemoryKind::kHugetlb};
  const auto count = [&](absl::Span<const PageSpan> spans) {
    for (const PageSpan& span : spans) {
      if (!sources.Contains(span.node)) continue;
      (span.kind == MemoryKind::kFile ? plan.page_cache_pages : plan.hugetlb_pages) += span.pages;
    }
    return true;
  };
  return ScanUntilSignal(subject.scanner, subject.process, spec.ranges, left_out, count);
}

// Counts pages that have no room on their target; without a node map all targets have it together.
// A target that is also a source counts as having room, as the pages that leave it make room.
absl::Status CountRoom(const EngineContext& context, const Subject& subject, const NodeMap& map,
                       bool has_spill_over, const WorkloadMigration& planned, DryRunPlan& plan) {
  NodeRoom room(context.host, subject.topology);
  NL_RETURN_IF_ERROR(room.Read(context.limits.room));
  const NodeSet sources = SourcesOf(map);
  int64_t spare = 0;
  for (const NodeId target : TargetsOf(map)) {
    plan.room_pages[target] = room.On(target).pages;
    if (sources.Contains(target)) continue;
    int64_t incoming = 0;
    for (const auto& [from, to] : map) {
      if (to != target || from == to) continue;
      incoming += planned.before.BytesOn({from}, kAllKinds) / plan.page_bytes;
    }
    plan.no_room_pages += std::max<int64_t>(0, incoming - plan.room_pages[target]);
    spare += std::max<int64_t>(0, plan.room_pages[target] - incoming);
  }
  if (has_spill_over) plan.no_room_pages = std::max<int64_t>(0, plan.no_room_pages - spare);
  return absl::OkStatus();
}

std::optional<absl::Duration> ExpectedTime(const EngineContext& context, const Options& options,
                                           const NodeMap& map, const DryRunPlan& plan) {
  const auto pair = std::find_if(map.begin(), map.end(),
                                 [](const auto& each) { return each.first != each.second; });
  if (pair == map.end()) return absl::ZeroDuration();
  const auto page_time = MeasurePageMove(context, pair->first, pair->second, plan.page_bytes);
  if (!page_time.has_value()) return std::nullopt;
  const absl::Duration time = *page_time * plan.MovablePages();
  const int64_t rate = options.spec.limits.bytes_per_second;
  if (rate == 0) return time;
  const int64_t bytes = plan.MovablePages() * plan.page_bytes;
  return std::max(time, absl::Seconds(static_cast<double>(bytes) / static_cast<double>(rate)));
}

std::string PagesText(int64_t pages, const DryRunPlan& plan) {
  return absl::StrCat(pages, " pages (", FormatBytes(pages * plan.page_bytes), ")");
}

Fields PlanFields(const Options& options, const DryRunPlan& plan) {
  Fields fields;
  fields.Add("pid", int64_t{options.pid});
  fields.Add("dry_run", true);
  fields.Add("would_move", plan.MovablePages());
  fields.Add("would_move_bytes", plan.MovablePages() * plan.page_bytes);
  fields.Add("unchanged", plan.unchanged_pages);
  if (plan.shared_pages.has_value()) fields.Add("shared", *plan.shared_pages);
  fields.Add("no_room", plan.no_room_pages);
  fields.Add("page_cache_left_out", plan.page_cache_pages);
  fields.Add("hugetlb_left_out", plan.hugetlb_pages);
  AddTarget(options, fields);
  Fields room;
  for (const auto& [node, pages] : plan.room_pages) {
    room.Add(absl::StrCat("node", node.value), pages * plan.page_bytes);
  }
  fields.Add("room_bytes", room);
  if (plan.expected_time.has_value()) {
    fields.Add("expected_seconds", absl::ToDoubleSeconds(*plan.expected_time));
  }
  return fields;
}

// Lines about the pages that would stay, each only if there are such pages.
std::string StayingText(const Options& options, const DryRunPlan& plan) {
  std::string text;
  if (!plan.shared_pages.has_value()) {
    absl::StrAppend(&text,
                    "  shared: unknown, as numa-migrate may not read the process's pagemap\n");
  } else if (*plan.shared_pages > 0) {
    absl::StrAppend(&text, "  shared: ", *plan.shared_pages, " (--shared ",
                    KeyOf(options.spec.sharing), ")\n");
  }
  if (plan.no_room_pages > 0) {
    absl::StrAppend(&text, "  ", WordsOf(PageOutcome::kNoMemory), ": ", plan.no_room_pages, " (",
                    AdviceOf(PageOutcome::kNoMemory), ")\n");
  }
  if (plan.page_cache_pages > 0) {
    absl::StrAppend(&text, "  page cache: ", plan.page_cache_pages, " (page cache is not moved)\n");
  }
  if (plan.hugetlb_pages > 0) {
    absl::StrAppend(&text, "  hugetlb: ", plan.hugetlb_pages,
                    " (they belong to their node's pool and are not moved)\n");
  }
  return text;
}

}  // namespace

absl::StatusOr<DryRunPlan> MakePlan(const EngineContext& context, const Options& options,
                                    const Subject& subject, const WorkloadMigration& planned) {
  const NodeMap map = MapOf(options.spec, subject.topology);
  DryRunPlan plan;
  plan.page_bytes = subject.topology.page_bytes;
  plan.misplaced_pages = planned.pages_planned;
  plan.unchanged_pages = planned.before.Bytes(kAllKinds) / plan.page_bytes - planned.pages_planned;
  const NodeSet sources = SourcesOf(map);
  NL_RETURN_IF_ERROR(CountLeftOut(subject, options.spec, sources, plan));
  NL_RETURN_IF_ERROR(
      CountRoom(context, subject, map, options.spec.node_map.empty(), planned, plan));
  NL_ASSIGN_OR_RETURN(plan.shared_pages,
                      CountSharedThatStay(context, options.spec, subject, sources));
  // Shared pages that stay need no room.
  plan.no_room_pages = std::max<int64_t>(0, plan.no_room_pages - plan.shared_pages.value_or(0));
  plan.expected_time = ExpectedTime(context, options, map, plan);
  return plan;
}

std::string PlanReport(const Options& options, const DryRunPlan& plan) {
  if (options.format != OutputFormat::kText) {
    return Print(options.format, PlanFields(options, plan));
  }
  std::string text =
      absl::StrCat("Would move: ", PagesText(plan.MovablePages(), plan), " to ",
                   TargetWords(options), "\nUnchanged: ", plan.unchanged_pages, "\n");
  const std::string staying = StayingText(options, plan);
  if (!staying.empty()) absl::StrAppend(&text, "Would stay:\n", staying);
  for (const auto& [node, pages] : plan.room_pages) {
    absl::StrAppend(&text, "Room on node ", node.value, ": ", PagesText(pages, plan), "\n");
  }
  if (!plan.expected_time.has_value()) return absl::StrCat(text, "Expected time: unknown\n");
  return absl::StrCat(text, "Expected time: ",
                      absl::FormatDuration(absl::Trunc(*plan.expected_time, absl::Milliseconds(1))),
                      ", longer while the process is busy\n");
}

}  // namespace numalocality::numa_migrate
