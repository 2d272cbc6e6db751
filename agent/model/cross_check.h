// The cross-check of a migration: whether memory.numa_stat of the workload's cgroup, counted by the
// kernel, confirms the migration's own counts. Pure.
#ifndef NUMALOCALITY_AGENT_MODEL_CROSS_CHECK_H_
#define NUMALOCALITY_AGENT_MODEL_CROSS_CHECK_H_

#include <cstdint>
#include <map>
#include <string>

#include "agent/model/enum_table.h"
#include "agent/model/ids.h"

namespace numalocality {

enum class CrossCheckVerdict {
  kNotCompared,  // the migration is not that far yet, or ended before its first batch
  kAgrees,       // within the tolerance
  kDisagrees,    // see the note
  kTooCoarse,    // no contradiction, but not more than the tolerance was moved
  kUnavailable,  // the kernel does not have the counters: see the note
};
const EnumTable<CrossCheckVerdict>& TableOf(CrossCheckVerdict);

// Memory on one node that is charged to the workload's cgroup, of the kinds that are compared.
struct ChargedNode {
  int64_t before_bytes = 0;  // right before the first batch
  int64_t after_bytes = 0;   // right after the last one
  int64_t moved_bytes = 0;   // the migration's count of bytes moved there, minus those moved away
  bool operator==(const ChargedNode&) const = default;
};

struct CrossCheck {
  CrossCheckVerdict verdict = CrossCheckVerdict::kNotCompared;
  std::map<NodeId, ChargedNode> nodes;
  int64_t difference_bytes = 0;  // the largest one of all nodes
  int64_t tolerance_bytes = 0;   // a larger difference is a disagreement
  std::string note;              // for people; empty if the counts agree
};

// The maximal error of the difference between two readings of memory.numa_stat: the kernel leaves
// up to 64 pages per CPU uncounted.
int64_t CounterLagBytes(int cpu_count, int64_t page_bytes);

// Compares, for each node, the change of the charged memory with the bytes moved. The tolerance is
// the sum of `lag_bytes`, the growth or shrinkage of the workload's memory in the meantime, and
// `drifted_bytes`, those found drifted immediately after the move.
CrossCheck CompareWithCounters(std::map<NodeId, ChargedNode> nodes, int64_t lag_bytes,
                               int64_t drifted_bytes);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_CROSS_CHECK_H_
