#include "agent/model/cross_check.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/units.h"

namespace numalocality {
namespace {

constexpr EnumTable<CrossCheckVerdict> kCrossCheckVerdicts = {{
    {CrossCheckVerdict::kNotCompared, "not_compared", "not compared", ""},
    {CrossCheckVerdict::kAgrees, "agrees", "agrees", ""},
    {CrossCheckVerdict::kDisagrees, "disagrees", "disagrees", ""},
    {CrossCheckVerdict::kTooCoarse, "too_coarse", "too coarse", ""},
    {CrossCheckVerdict::kUnavailable, "unavailable", "unavailable", ""},
}};
static_assert(IsWellFormed(kCrossCheckVerdicts));

int64_t ChangeOf(const ChargedNode& node) { return node.after_bytes - node.before_bytes; }

std::string DisagreementNote(NodeId id, const ChargedNode& node, int64_t tolerance_bytes) {
  return absl::StrCat(
      "memory.numa_stat says ", FormatBytesChange(ChangeOf(node)), " on node ", id.value,
      ", the migration counted ", FormatBytesChange(node.moved_bytes), ": a difference of ",
      FormatBytes(std::abs(ChangeOf(node) - node.moved_bytes)), ", more than the tolerance of ",
      FormatBytes(tolerance_bytes),
      "; processes of the cgroup may have freed memory and touched other memory in the meantime, "
      "automatic NUMA balancing may have moved memory, or the moved memory is charged to another "
      "cgroup, whose process touched it first");
}

}  // namespace

const EnumTable<CrossCheckVerdict>& TableOf(CrossCheckVerdict) { return kCrossCheckVerdicts; }

int64_t CounterLagBytes(int cpu_count, int64_t page_bytes) {
  constexpr int64_t kReadings = 2;
  constexpr int64_t kPagesPerCpu = 64;
  return kReadings * kPagesPerCpu * cpu_count * page_bytes;
}

CrossCheck CompareWithCounters(std::map<NodeId, ChargedNode> nodes, int64_t lag_bytes,
                               int64_t drifted_bytes) {
  CrossCheck check;
  int64_t growth = 0;
  int64_t most_moved = 0;
  auto worst = nodes.end();
  for (auto each = nodes.begin(); each != nodes.end(); ++each) {
    const ChargedNode& node = each->second;
    growth += ChangeOf(node);
    most_moved = std::max(most_moved, std::abs(node.moved_bytes));
    const int64_t difference = std::abs(ChangeOf(node) - node.moved_bytes);
    if (difference <= check.difference_bytes) continue;
    check.difference_bytes = difference;
    worst = each;
  }
  check.tolerance_bytes = lag_bytes + std::abs(growth) + drifted_bytes;
  if (check.difference_bytes > check.tolerance_bytes) {
    check.verdict = CrossCheckVerdict::kDisagrees;
    check.note = DisagreementNote(worst->first, worst->second, check.tolerance_bytes);
  } else if (most_moved <= check.tolerance_bytes) {
    check.verdict = CrossCheckVerdict::kTooCoarse;
    check.note = absl::StrCat("the migration changed no node by more than ",
                              FormatBytes(most_moved), "; the tolerance of memory.numa_stat is ",
                              FormatBytes(check.tolerance_bytes), " here");
  } else {
    check.verdict = CrossCheckVerdict::kAgrees;
  }
  check.nodes = std::move(nodes);
  return check;
}

}  // namespace numalocality
