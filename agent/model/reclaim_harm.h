// Decides whether reclaim of page cache for a migration harms other workloads. Pure.
#ifndef NUMALOCALITY_AGENT_MODEL_RECLAIM_HARM_H_
#define NUMALOCALITY_AGENT_MODEL_RECLAIM_HARM_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace numalocality {

// What the kernel has counted on the whole machine since it booted.
struct ReclaimCounters {
  absl::Duration time;               // monotonic, when they were read
  int64_t refaulted_pages = 0;       // page cache that was reclaimed and read again, of all nodes
  int64_t reclaimed_pages = 0;       // by any reclaim, global and within memory cgroups
  int64_t reclaimed_anon_pages = 0;  // of these, anonymous memory, which went to swap
  absl::Duration stalled;            // time in which all tasks waited for memory (PSI "full")
};

// The readings that a decision compares.
struct ReclaimReadings {
  ReclaimCounters before;  // some time before the migration took the first page cache
  ReclaimCounters start;   // just before it did
  ReclaimCounters now;
};

// Limits of what may happen beyond twice the rates between `before` and `start`.
// Of the pages that were taken from page cache, the fraction that may be read again ...
inline constexpr double kMostRefaults = 0.10;
// ... and that may be reclaimed from anonymous memory; ...
inline constexpr double kMostSwap = 0.01;
// ... each is always allowed so many pages, as single events prove nothing.
inline constexpr int64_t kAllowedPages = 256;
// Pages reclaimed for each page that was taken.
inline constexpr int64_t kMostReclaim = 2;
// The fraction of the time (of a second at least) in which all tasks may wait.
inline constexpr double kMostStall = 0.10;

// Why the migration should take no more page cache, for people; "" if no harm shows.
// `taken_pages`: what it has taken so far. `ahead_pages`: what the kernel may reclaim ahead of
// need, in the background.
std::string HarmOfReclaim(const ReclaimReadings& readings, int64_t taken_pages,
                          int64_t ahead_pages);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_RECLAIM_HARM_H_
