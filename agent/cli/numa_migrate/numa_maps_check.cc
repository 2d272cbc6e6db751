#include "agent/cli/numa_migrate/numa_maps_check.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/cli/numa_migrate/memory_part.h"
#include "agent/os/base/file.h"
#include "agent/os/process/numa_maps.h"

namespace numalocality::numa_migrate {
namespace {

// A line for each of the most mappings that a process may have by default, 65530, and long paths.
constexpr size_t kMaxNumaMapsBytes = size_t{64} << 20;

bool IsComparable(const Mapping& mapping, absl::Span<const AddressRange> ranges) {
  if (mapping.MayHoldCopies() || mapping.backing == Backing::kFile ||
      mapping.backing == Backing::kHugetlb || mapping.backing == Backing::kSpecial) {
    return false;
  }
  return std::any_of(ranges.begin(), ranges.end(), [&](const AddressRange& range) {
    return range.start <= mapping.range.start && mapping.range.end <= range.end;
  });
}

// What is known before numa_maps is read.
struct Survey {
  std::vector<AddressRange> comparable;  // mappings that hold anything
  int64_t largest_bytes = 0;             // resident in one mapping of all that the kernel will walk
};

absl::StatusOr<Survey> TakeSurvey(const Subject& subject, absl::Span<const AddressRange> ranges) {
  NL_ASSIGN_OR_RETURN(const std::vector<Mapping> maps, subject.process.ReadMaps());
  Survey survey;
  std::set<uint64_t> starts;
  for (const Mapping& mapping : maps) {
    if (IsComparable(mapping, ranges)) starts.insert(mapping.range.start);
    // No scan counts its pages: all of it may be there.
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
                                            const NodeSet& targets, bool whatever_the_stall) {
  const int64_t page_bytes = subject.topology.page_bytes;
  NL_ASSIGN_OR_RETURN(const Survey survey, TakeSurvey(subject, ranges));
  NumaMapsCheck look;
  look.largest_bytes = survey.largest_bytes;
  look.skipped = look.largest_bytes > kMostUnnoticedBytes && !whatever_the_stall;
  if (look.skipped || survey.comparable.empty()) return look;
  std::set<uint64_t> starts;
  for (const AddressRange& mapping : survey.comparable) starts.insert(mapping.start);

  NL_ASSIGN_OR_RETURN(auto differences, CountByNode(subject, survey.comparable, kPrivateKinds));
  NL_ASSIGN_OR_RETURN(const std::string text,
                      ReadFile(absl::StrCat(host.proc, "/", subject.process.pid(), "/numa_maps"),
                               kMaxNumaMapsBytes));
  NL_ASSIGN_OR_RETURN(const std::vector<NumaMapping> lines, ParseNumaMaps(text));
  for (const NumaMapping& line : lines) {
    look.policy_nodes = look.policy_nodes | line.policy_nodes;
    if (!starts.contains(line.start)) continue;
    for (const auto& [node, bytes] : line.bytes_on) {
      look.pages += bytes / page_bytes;
      if (targets.Contains(node)) look.pages_on_target += bytes / page_bytes;
      differences[node] -= bytes / page_bytes;
    }
  }
  // A page that is elsewhere is missing here and too much there: one page, not two.
  int64_t more = 0;
  int64_t fewer = 0;
  for (const auto& [node, pages] : differences) (pages > 0 ? more : fewer) += std::abs(pages);
  look.differing_pages = std::max(more, fewer);
  return look;
}

}  // namespace numalocality::numa_migrate
