#include "agent/cli/localityctl/placement_watch.h"

#include <iostream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/cli/localityctl/placement_board.h"
#include "agent/cli/localityctl/placement_text.h"

namespace numalocality::localityctl {
namespace {

bool IsNamed(const v1::WorkloadSelector& selector, const v1::Workload& workload) {
  switch (selector.name_case()) {
    case v1::WorkloadSelector::kPod:
      return workload.pod_uid() == selector.pod().uid() &&
             absl::StartsWith(workload.container_id(), selector.pod().container_id());
    case v1::WorkloadSelector::kContainerId:
      return absl::StartsWith(workload.container_id(), selector.container_id());
    case v1::WorkloadSelector::kCgroupPath: return workload.cgroup_path() == selector.cgroup_path();
    case v1::WorkloadSelector::kPid: return workload.pid() == selector.pid();
    case v1::WorkloadSelector::kResourceName: {
      const std::string pod =
          absl::StrCat("namespaces/", workload.pod_namespace(), "/pods/", workload.pod_name());
      return selector.resource_name() == pod ||
             selector.resource_name() ==
                 absl::StrCat(pod, "/containers/", workload.container_name());
    }
    case v1::WorkloadSelector::NAME_NOT_SET: return true;
  }
  return true;
}

}  // namespace

bool WatchFilter::Shows(const v1::WatchPlacementsResponse& change) const {
  if (change.has_gone()) return IsNamed(selector, change.gone());
  if (!change.has_placement()) return true;
  return IsNamed(selector, change.placement().workload()) &&
         (sandboxes || !change.placement().is_sandbox());
}

absl::StatusOr<ExitCode> WatchPlacements(AgentClient& client, const WatchFilter& filter,
                                         OutputFormat output, bool in_place) {
  PlacementBoard board;
  const auto show = [&](const v1::WatchPlacementsResponse& change) {
    if (!filter.Shows(change)) return true;
    const bool is_news = board.Apply(change);
    if (output != OutputFormat::kTable) {
      std::cout << RenderOneOfMany(change, output, [] { return ""; });
    } else if (!in_place) {
      std::cout << (is_news ? ChangeText(change) : "");
    } else if (board.is_synced()) {
      std::cout << kClearScreen << PlacementsText(board.List().placements());
    }
    std::cout.flush();
    return static_cast<bool>(std::cout);
  };
  NL_RETURN_IF_ERROR(client.WatchPlacements(show));
  return kExitSuccess;
}

}  // namespace numalocality::localityctl
