#include "agent/engine/move/spec_check.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/base/status.h"
#include "agent/engine/move/process_migration.h"
#include "agent/engine/workload/workload_finder.h"
#include "agent/model/batch_size.h"

namespace numalocality {
namespace {

absl::Status CheckNodes(const NodeSet& nodes, absl::string_view what, const Topology& topology) {
  for (const NodeId node : nodes) {
    if (!topology.MemoryNodes().Contains(node)) {
      return absl::InvalidArgumentError(absl::StrCat(
          what, " node ", node.value, ": ",
          topology.Find(node) == nullptr ? "no such node is online" : "it has no memory",
          "; nodes with memory: ", topology.MemoryNodes().ToString()));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckNodeMap(const MigrationSpec& spec, const Topology& topology) {
  if (spec.node_map.empty()) return absl::OkStatus();
  if (!spec.target_nodes.empty() || !spec.source_nodes.empty()) {
    return absl::InvalidArgumentError(
        "give either a node map, or target and source nodes; not both");
  }
  NL_RETURN_IF_ERROR(CheckNodes(TargetsOf(spec.node_map), "target", topology));
  return CheckNodes(SourcesOf(spec.node_map), "source", topology);
}

absl::Status CheckLimits(const MigrationSpec& spec) {
  const MoveLimits& limits = spec.limits;
  if (limits.longest_call <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("the longest call time must be more than 0");
  }
  if (limits.batch_pages.has_value() &&
      (*limits.batch_pages < 1 || *limits.batch_pages > BatchSize::kMax)) {
    return absl::InvalidArgumentError(
        absl::StrCat("batches of ", *limits.batch_pages, " pages: must be 1 to ", BatchSize::kMax));
  }
  if (limits.bytes_per_second != 0 && limits.bytes_per_second < MoveLimits::kLeastBytesPerSecond) {
    return absl::InvalidArgumentError(
        absl::StrCat("a bandwidth limit of ", limits.bytes_per_second,
                     " bytes per second: must be at least 1 MiB per second, or 0 for no limit"));
  }
  if (limits.retries < 0 || limits.retries > kMaxRetries) {
    return absl::InvalidArgumentError(
        absl::StrCat(limits.retries, " retries: must be 0 to ", kMaxRetries));
  }
  if (limits.workers < 1 || limits.workers > kMaxWorkers) {
    return absl::InvalidArgumentError(
        absl::StrCat(limits.workers, " workers: must be 1 to ", kMaxWorkers));
  }
  if (limits.workers > 1 && spec.hold != HoldMode::kNone) {
    return absl::InvalidArgumentError(
        "only one worker can hold a process: use one worker, or no hold");
  }
  if (!std::is_sorted(spec.verify_after.begin(), spec.verify_after.end()) ||
      (!spec.verify_after.empty() && spec.verify_after.front() < absl::ZeroDuration())) {
    return absl::InvalidArgumentError("the times to verify after must be ascending");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckSpec(const MigrationSpec& spec, const Topology& topology) {
  NL_RETURN_IF_ERROR(CheckNodeMap(spec, topology));
  NL_RETURN_IF_ERROR(CheckLimits(spec));
  NL_RETURN_IF_ERROR(CheckNodes(spec.target_nodes, "target", topology));
  NL_RETURN_IF_ERROR(CheckNodes(spec.source_nodes, "source", topology));
  if (const NodeSet both = spec.target_nodes & spec.source_nodes; !both.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("node ", both.ToString(), " is both a source and a target"));
  }
  if (spec.ranges.empty()) return absl::InvalidArgumentError("no address range is given");
  for (const AddressRange& range : spec.ranges) {
    if (range.end <= range.start || range.end > kWholeAddressSpace.end) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "address range %x-%x: the end must be above the start, and both must be in user space",
          range.start, range.end));
    }
  }
  if (spec.kinds.empty()) return absl::InvalidArgumentError("no memory kind is given");
  if (spec.kinds.Contains(MemoryKind::kHugetlb)) {
    return absl::InvalidArgumentError(
        "hugetlb pages are not moved: that would change the pools per node that kubelet accounts "
        "for");
  }
  if (!(spec.min_moved >= 0 && spec.min_moved <= 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("min_moved ", spec.min_moved, ": must be a fraction from 0 to 1"));
  }
  return absl::OkStatus();
}

absl::Status CheckAllowed(const EngineContext& context, const Workload& workload,
                          absl::Span<const pid_t> pids, const MigrationSpec& spec,
                          const Topology& topology, ReadBudget& budget) {
  int alive = 0;
  for (const pid_t pid : pids.first(std::min(pids.size(), kMostProcesses))) {
    const absl::Status may_go_on = budget.Take("the cpusets of its processes", 0);
    if (!may_go_on.ok()) return WithContext(may_go_on, workload.ToString());
    const auto process = WorkloadFinder(context.host).OpenProcess(context.kernel, workload, pid);
    const auto targets = process.ok() ? TargetNodes(context, *process, spec, topology, budget)
                                      : absl::StatusOr<NodeSet>(process.status());
    if (absl::IsNotFound(targets.status())) continue;
    if (!targets.ok()) return WithContext(targets.status(), workload.ToString());
    ++alive;
  }
  if (alive > 0) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(workload.ToString(), ": has no process"));
}

}  // namespace numalocality
