#include "agent/engine/migration_run.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/base/status.h"
#include "agent/engine/process_migration.h"
#include "agent/engine/workload_finder.h"
#include "agent/os/process_handle.h"

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

// A run's phases over all processes of a workload.
class Run {
 public:
  Run(const MigrationContext& context, const MigrationSpec& spec, MigrationObserver& observer,
      WorkloadMigration& result)
      : context_(context), spec_(spec), observer_(observer), result_(result) {}

  // Opens and scans every process. An error, other than one of them being gone, ends the run.
  void Prepare(const WorkloadProcesses& processes) {
    auto topology = TopologyReader(context_.paths).Read();
    if (!topology.ok()) return Stop(MigrationReason::kInternal, topology.status().message());
    topology_ = *std::move(topology);
    if (const absl::Status status = ReadReserves(); !status.ok()) {
      return Stop(MigrationReason::kInternal, status.message());
    }
    result_.process_count = static_cast<int>(processes.pids.size());
    result_.hidden_process_count = processes.hidden_count;
    result_.incomplete = processes.incomplete;
    for (const pid_t pid : processes.pids) {
      if (const absl::Status status = PrepareProcess(pid); absl::IsNotFound(status)) {
        ++result_.vanished_process_count;
      } else if (!status.ok()) {
        return Stop(ReasonOf(status), status.message());
      }
    }
  }

  // Books everything that was found as not attempted.
  void Skip() {
    for (const auto& process : processes_) process->Skip(PageOutcome::kNotAttempted);
  }

  void Move() {
    for (const auto& process : processes_) {
      if (reason_ == MigrationReason::kCancelled || reason_ == MigrationReason::kDeadline) {
        process->Skip(PageOutcome::kNotAttempted);
      } else {
        MoveProcess(*process);
      }
    }
  }

  void Verify() {
    for (const auto& process : processes_) {
      if (process->vanished()) continue;
      const absl::Status status = process->Verify();
      if (absl::IsNotFound(status)) ++result_.vanished_process_count;
      if (!status.ok() && !absl::IsNotFound(status)) Stop(ReasonOf(status), status.message());
    }
  }

  MigrationReason reason() const { return reason_; }

 private:
  absl::Status ReadReserves() {
    NL_ASSIGN_OR_RETURN(const auto watermarks, TopologyReader(context_.paths).ReadHighWatermarks());
    for (const auto& [id, node] : topology_.nodes) {
      const auto fraction = static_cast<int64_t>(context_.limits.node_reserve *
                                                 static_cast<double>(node.total_bytes));
      const auto watermark = watermarks.find(id);
      room_.reserve_bytes[id] =
          std::max(fraction, watermark == watermarks.end() ? 0 : watermark->second);
    }
    return absl::OkStatus();
  }

  absl::Status PrepareProcess(pid_t pid) {
    NL_ASSIGN_OR_RETURN(
        ProcessHandle process,
        WorkloadFinder(context_.paths).OpenProcess(context_.kernel, result_.workload, pid));
    NL_ASSIGN_OR_RETURN(const NodeSet targets, TargetNodes(context_, process, spec_, topology_));
    result_.target_nodes = result_.target_nodes | targets;
    auto migration = std::make_unique<ProcessMigration>(
        context_, spec_, topology_, room_, std::move(process), targets, result_, observer_);
    NL_RETURN_IF_ERROR(migration->Scan());
    processes_.push_back(std::move(migration));
    return absl::OkStatus();
  }

  void MoveProcess(ProcessMigration& process) {
    const MigrationReason reason = process.Move();
    if (process.vanished()) {
      ++result_.vanished_process_count;
    } else if (reason != MigrationReason::kNone) {
      Stop(reason, process.message());
    }
  }

  static MigrationReason ReasonOf(const absl::Status& status) {
    switch (status.code()) {
      case absl::StatusCode::kPermissionDenied: return MigrationReason::kPermissionDenied;
      case absl::StatusCode::kFailedPrecondition: return MigrationReason::kCpusetForbids;
      case absl::StatusCode::kCancelled: return MigrationReason::kCancelled;
      default: return MigrationReason::kInternal;
    }
  }

  // The first reason stands.
  void Stop(MigrationReason reason, absl::string_view message) {
    if (reason_ != MigrationReason::kNone) return;
    reason_ = reason;
    result_.message = std::string(message);
  }

  const MigrationContext& context_;
  const MigrationSpec& spec_;
  MigrationObserver& observer_;
  WorkloadMigration& result_;
  Topology topology_;
  NodeRoom room_;
  std::vector<std::unique_ptr<ProcessMigration>> processes_;
  MigrationReason reason_ = MigrationReason::kNone;
};

}  // namespace

absl::Status CheckSpec(const MigrationSpec& spec, const Topology& topology) {
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
          "address range %x-%x: the end must lie behind the start, and both in user space",
          range.start, range.end));
    }
  }
  if (spec.kinds.empty()) return absl::InvalidArgumentError("no memory kind is given");
  if (spec.kinds.Contains(MemoryKind::kHugetlb)) {
    return absl::InvalidArgumentError(
        "hugetlb pages are not moved: it would shift the pools that kubelet accounts for");
  }
  if (!(spec.min_moved >= 0 && spec.min_moved <= 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("min_moved ", spec.min_moved, ": must be a fraction from 0 to 1"));
  }
  return absl::OkStatus();
}

absl::Status CheckAllowed(const MigrationContext& context, const Workload& workload,
                          const std::vector<pid_t>& pids, const MigrationSpec& spec,
                          const Topology& topology) {
  int alive = 0;
  for (const pid_t pid : pids) {
    const auto process = WorkloadFinder(context.paths).OpenProcess(context.kernel, workload, pid);
    const auto targets = process.ok() ? TargetNodes(context, *process, spec, topology)
                                      : absl::StatusOr<NodeSet>(process.status());
    if (absl::IsNotFound(targets.status())) continue;
    if (!targets.ok()) return WithContext(targets.status(), workload.ToString());
    ++alive;
  }
  if (alive > 0) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(workload.ToString(), ": has no process"));
}

WorkloadMigration PlanMigration(const MigrationContext& context, const Workload& workload,
                                const WorkloadProcesses& processes, const MigrationSpec& spec,
                                MigrationObserver& observer) {
  WorkloadMigration result;
  result.workload = workload;
  Run run(context, spec, observer, result);
  run.Prepare(processes);
  result.reason = run.reason();
  return result;
}

WorkloadMigration RunMigration(const MigrationContext& context, const Workload& workload,
                               const WorkloadProcesses& processes, const MigrationSpec& spec,
                               MigrationObserver& observer) {
  WorkloadMigration result;
  result.workload = workload;
  result.state = MigrationState::kRunning;
  Run run(context, spec, observer, result);
  run.Prepare(processes);
  const bool prepared = run.reason() == MigrationReason::kNone;
  if (prepared) {
    run.Move();
  } else {
    run.Skip();
  }
  if (run.reason() != MigrationReason::kCancelled) {
    result.state = MigrationState::kVerifying;
    result.verifications.emplace_back();
    observer.OnProgress(result);
    run.Verify();
  }
  if (run.reason() == MigrationReason::kCancelled) {
    // Asked to end now: what is on target is what was counted so far.
    result.pages_on_target =
        result.outcomes[PageOutcome::kMoved] + result.outcomes[PageOutcome::kAlreadyThere];
  }
  Conclude(result, run.reason(), spec.min_moved);
  if (!prepared && result.state != MigrationState::kCancelled) {
    // Not all processes were counted: what the others have on target proves nothing.
    result.state = MigrationState::kFailed;
    result.reason = run.reason();
  }
  return result;
}

}  // namespace numalocality
