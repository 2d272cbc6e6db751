// Whether the kernel's own counters, memory.numa_stat of the workload's cgroup, confirm what a
// migration says of itself. Pure.
#ifndef NUMALOCALITY_AGENT_MODEL_CROSS_CHECK_H_
#define NUMALOCALITY_AGENT_MODEL_CROSS_CHECK_H_

#include <cstdint>
#include <map>
#include <string>

#include "agent/model/enum_table.h"
#include "agent/model/ids.h"

namespace numalocality {

enum class CrossCheckVerdict {
  kNotCompared,  // the migration has not come so far, or ended before its first batch
  kAgrees,       // within the tolerance
  kDisagrees,    // see the note
  kTooCoarse,    // no contradiction, but no more was moved than the tolerance
  kUnavailable,  // there are no such counters: see the note
};
const EnumTable<CrossCheckVerdict>& TableOf(CrossCheckVerdict);

// Memory of one node that is charged to the workload's cgroup, of the kinds that are compared.
struct ChargedNode {
  int64_t before_bytes = 0;  // right before the first batch
  int64_t after_bytes = 0;   // right after the last one
  int64_t moved_bytes = 0;   // what the migration counted as brought there less what it took away
  bool operator==(const ChargedNode&) const = default;
};

struct CrossCheck {
  CrossCheckVerdict verdict = CrossCheckVerdict::kNotCompared;
  std::map<NodeId, ChargedNode> nodes;
  int64_t difference_bytes = 0;  // the largest one, on any node
  int64_t tolerance_bytes = 0;   // the largest one that is no disagreement
  std::string note;              // for people; empty if the two agree
};

// By how much the difference of two readings of memory.numa_stat may be wrong: the kernel keeps up
// to 64 pages a CPU to itself.
int64_t CounterLagBytes(int cpu_count, int64_t page_bytes);

// Compares, for each node, what is charged there more or less than before with what was moved. No
// disagreement is a difference up to `lag_bytes`, what the workload's memory grew or shrank by
// meanwhile, and what was found drifted right after, in sum.
CrossCheck CompareWithCounters(std::map<NodeId, ChargedNode> nodes, int64_t lag_bytes,
                               int64_t drifted_bytes);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_CROSS_CHECK_H_
