// Which outcomes count as failed in what numa-migrate prints.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_FAILURES_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_FAILURES_H_

#include <cstdint>
#include <vector>

#include "agent/model/page_outcome.h"

namespace numalocality::numa_migrate {

// All outcomes but those that have lines of their own: Moved, Unchanged, Busy.
inline std::vector<PageOutcome> FailureOutcomes() {
  std::vector<PageOutcome> failures;
  for (int i = 0; i < kPageOutcomeCount; ++i) {
    const auto outcome = static_cast<PageOutcome>(i);
    if (outcome != PageOutcome::kMoved && outcome != PageOutcome::kAlreadyThere &&
        outcome != PageOutcome::kBusy) {
      failures.push_back(outcome);
    }
  }
  return failures;
}

inline int64_t FailedPages(const OutcomeCounts& outcomes) {
  int64_t pages = 0;
  for (const PageOutcome outcome : FailureOutcomes()) pages += outcomes[outcome];
  return pages;
}

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_FAILURES_H_
