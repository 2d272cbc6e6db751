// A limit on what one reading may cost: the bytes that it takes in, and its time. The files that
// describe a workload are as large as the workload makes them: a process may have a million
// mappings, and the path of each may take a megabyte.
#ifndef NUMALOCALITY_AGENT_OS_BASE_READ_BUDGET_H_
#define NUMALOCALITY_AGENT_OS_BASE_READ_BUDGET_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"

namespace numalocality {

struct ReadLimits {
  int64_t bytes = 0;
  absl::Duration time;
};

// For one workload in each period: about 400,000 mappings or 5,000 processes.
inline constexpr ReadLimits kPeriodicLimits{int64_t{64} << 20, absl::Seconds(1)};
// For one reading that somebody waits for: a request, an explanation, one process of a migration.
inline constexpr ReadLimits kRequestLimits{int64_t{256} << 20, absl::Seconds(10)};
// For the mappings of all processes of a migration, once.
inline constexpr ReadLimits kMigrationLimits{int64_t{1} << 30, absl::Minutes(1)};

// Readers count what they take in, and stop when the budget is used up or the caller has cancelled.
// From then on, every further reading with the same budget fails at once. Not thread-safe.
class ReadBudget {
 public:
  explicit ReadBudget(const ReadLimits& limits = kRequestLimits,
                      const Clock& clock = Clock::System(),
                      std::function<bool()> is_cancelled = nullptr);
  // A part of `whole`, which outlives it: takes from both, and ends when one of them does.
  ReadBudget(const ReadLimits& limits, ReadBudget& whole);

  // Counts `bytes` that were taken in from the file or directory `name`. RESOURCE_EXHAUSTED with
  // the name and the limit if the budget is used up, CANCELLED if the caller has cancelled.
  absl::Status Take(absl::string_view name, int64_t bytes);

  // Adds to the time what other work, such as moving pages, has taken between two readings.
  void Exclude(absl::Duration time) { deadline_ += time; }

  int64_t taken_bytes() const { return taken_bytes_; }

 private:
  ReadLimits limits_;
  const Clock* clock_;
  absl::Duration deadline_;  // by Clock::Monotonic
  std::function<bool()> is_cancelled_;
  ReadBudget* whole_ = nullptr;
  int64_t taken_bytes_ = 0;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_BASE_READ_BUDGET_H_
