#include "agent/engine/repair/tracked_workload.h"

#include <utility>

namespace numalocality {

TrackedWorkload::TrackedWorkload(const Workload& workload, absl::Time now) {
  auto report = std::make_shared<WorkloadReport>();
  report->placement.workload = workload;
  report->placement.read_time = now;
  // A sandbox is presumed if it has little memory, and how much it has is not known.
  ContainerRole& role = report->placement.workload.role;
  if (role == ContainerRole::kPresumedSandbox) role = ContainerRole::kUnknown;
  read = std::move(report);
}

void TrackedWorkload::Take(std::shared_ptr<const WorkloadReport> report, const std::string& cause) {
  unread.clear();
  if (read == report) return;
  // The event that changed its home is the trigger of all repairs that follow.
  if (!was_read || read->home_since != report->home_since) trigger = cause;
  was_read = true;
  read_trigger = cause;
  read = std::move(report);
}

bool TrackedWorkload::IsDue(absl::Duration now) const { return NextDue(now) <= now; }

absl::Duration TrackedWorkload::NextDue(absl::Duration now) const {
  if (!was_read) return absl::InfiniteDuration();
  return shown == nullptr || decided != read ? now : shown->decision->next;
}

}  // namespace numalocality
