#include "agent/cli/numa_migrate/numa_maps_check.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <vector>

#include "agent/base/status.h"
#include "agent/cli/numa_migrate/memory_part.h"
#include "agent/os/base/read_budget.h"
#include "agent/os/process/numa_maps.h"

namespace numalocality::numa_migrate {
namespace {

bool IsComparable(const Mapping& mapping, absl::Span<const AddressRange> ranges) {
  if (mapping.MayHoldCopies() || mapping.backing == Backing::kFile ||
      mapping.backing == Backing::kHugetlb || mapping.backing == Backing::kSpecial) {
    return false;
  }
  return std::any_of(ranges.begin(), ranges.end(), [&](const AddressRange& range) {
    return range.start <= mapping.range.start && mapping.range.end <= range.end;
  });
}

// What a scan shows before numa_maps is read.
struct Survey {
  std::vector<AddressRange> comparable;  // mappings with resident pages
  int64_t largest_bytes = 0;             // most resident memory of one mapping
};

absl::StatusOr<Survey> TakeSurvey(const Subject& subject, absl::Span<const AddressRange> ranges) {
  NL_ASSIGN_OR_RETURN(const std::vector<Mapping> maps, subject.process.ReadMaps());
  Survey survey;
  std::set<uint64_t> starts;
  for (const Mapping& mapping : maps) {
    if (IsComparable(mapping, ranges)) starts.insert(mapping.range.start);
    // A scan does not count its pages, so all of it may be resident.
    if (mapping.backing == Backing::kSpecial) {
      survey.largest_bytes =
          std::max(survey.largest_bytes, static_cast<int64_t>(mapping.range.size()));
    }
  }
  NL_ASSIGN_OR_RETURN(const std::vector<MappingPages> counts,
                      CountResident(subject.process, subject.scanner, kAllKinds));
  for (const MappingPages& mapping : counts) {
    survey.largest_bytes =
        std::max(survey.largest_bytes, mapping.pages * subject.topology.page_bytes);
    if (mapping.pages > 0 && starts.contains(mapping.range.start)) {
      survey.comparable.push_back(mapping.range);
    }
  }
  return survey;
}

}  // namespace

absl::StatusOr<NumaMapsCheck> CheckNumaMaps(const Host& host, const Subject& subject,
                                            absl::Span<const AddressRange> ranges,
                                            const NodeSet& targets, bool ignore_stall) {
  const int64_t page_bytes = subject.topology.page_bytes;
  NL_ASSIGN_OR_RETURN(const Survey survey, TakeSurvey(subject, ranges));
  NumaMapsCheck check;
  check.largest_bytes = survey.largest_bytes;
  check.skipped = check.largest_bytes > kMostUnnoticedBytes && !ignore_stall;
  if (check.skipped || survey.comparable.empty()) return check;
  std::set<uint64_t> starts;
  for (const AddressRange& mapping : survey.comparable) starts.insert(mapping.start);

  NL_ASSIGN_OR_RETURN(auto differences, CountByNode(subject, survey.comparable, kPrivateKinds));
  const auto take_in = [&](const NumaMapping& line) {
    check.policy_nodes = check.policy_nodes | line.policy_nodes;
    if (!starts.contains(line.start)) return;
    for (const auto& [node, bytes] : line.bytes_on) {
      check.pages += bytes / page_bytes;
      if (targets.Contains(node)) check.pages_on_target += bytes / page_bytes;
      differences[node] -= bytes / page_bytes;
    }
  };
  ReadBudget budget;
  NL_RETURN_IF_ERROR(VisitNumaMaps(host, subject.process.pid(), budget, take_in));
  // A page on another node is missing on one node and surplus on the other: it counts once.
  int64_t more = 0;
  int64_t fewer = 0;
  for (const auto& [node, pages] : differences) (pages > 0 ? more : fewer) += std::abs(pages);
  check.differing_pages = std::max(more, fewer);
  return check;
}

}  // namespace numalocality::numa_migrate
