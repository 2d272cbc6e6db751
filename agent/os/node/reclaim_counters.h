// Counters of memory reclaim on the whole machine: /proc/vmstat and /proc/pressure/memory.
#ifndef NUMALOCALITY_AGENT_OS_NODE_RECLAIM_COUNTERS_H_
#define NUMALOCALITY_AGENT_OS_NODE_RECLAIM_COUNTERS_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/model/reclaim_harm.h"
#include "agent/os/base/host.h"

namespace numalocality {

// Reads the counters; `now` becomes their time. Without PSI no time counts as stalled. An error if
// the kernel does not count refaults or reclaim.
absl::StatusOr<ReclaimCounters> ReadReclaimCounters(const Host& host, absl::Duration now);

// Parses /proc/vmstat: all except `time` and `stalled`. UNIMPLEMENTED if a counter is missing.
// Pure.
absl::StatusOr<ReclaimCounters> ParseReclaimCounters(absl::string_view vmstat);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_NODE_RECLAIM_COUNTERS_H_
