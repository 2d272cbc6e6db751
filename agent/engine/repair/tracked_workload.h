// A workload as the repair loop knows it: its latest report, and the one that is shown with a
// decision.
#ifndef NUMALOCALITY_AGENT_ENGINE_REPAIR_TRACKED_WORKLOAD_H_
#define NUMALOCALITY_AGENT_ENGINE_REPAIR_TRACKED_WORKLOAD_H_

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "agent/model/locality_report.h"
#include "agent/model/workload.h"

namespace numalocality {

struct TrackedWorkload {
  // One that was found at `now`, and has not been read yet: `read` shows no memory.
  TrackedWorkload(const Workload& workload, absl::Time now);

  const Workload& workload() const { return read->placement.workload; }

  // Takes in a report that was read because of `cause`.
  void Take(std::shared_ptr<const WorkloadReport> report, const std::string& cause);

  // Whether it must be decided at `now` (monotonic). Not before it has been read.
  bool IsDue(absl::Duration now) const;
  // When it must be decided; monotonic.
  absl::Duration NextDue(absl::Duration now) const;

  std::shared_ptr<const WorkloadReport> read;     // the latest, as the reader gave it; never null
  std::shared_ptr<const WorkloadReport> decided;  // the one that the decision is about
  std::shared_ptr<const WorkloadReport> shown;    // a copy of `decided` with names and decision
  bool was_read = false;
  std::string unread;        // why `read` is old; empty: it is not
  std::string read_trigger;  // what made the loop read `read`
  std::string trigger;       // what made the memory remote
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_REPAIR_TRACKED_WORKLOAD_H_
