#include "agent/cli/numa_migrate/commands.h"

#include <csignal>
#include <iostream>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/cli/numa_migrate/memory_part.h"
#include "agent/cli/numa_migrate/report.h"
#include "agent/cli/progress.h"
#include "agent/os/page_scanner.h"
#include "agent/os/process_handle.h"
#include "agent/os/topology_reader.h"

namespace numalocality {
namespace {

// The first of SIGINT and SIGTERM that came; 0 for none.
volatile std::sig_atomic_t end_signal = 0;

void CatchEndSignals() {
  struct sigaction action = {};
  action.sa_handler = [](int signal) {
    if (end_signal == 0) end_signal = signal;
  };
  action.sa_flags = SA_RESTART;
  end_signal = 0;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

// Draws the bar, and ends the run on a signal.
class Observer final : public MigrationObserver {
 public:
  Observer(const Clock& clock, int64_t page_bytes) : progress_(clock), page_bytes_(page_bytes) {}

  MigrationReason StopReason() override {
    return end_signal != 0 ? MigrationReason::kCancelled : MigrationReason::kNone;
  }
  void OnBatch(pid_t, int64_t) override {}
  void OnProgress(const WorkloadMigration& result) override {
    progress_.Update(MigrationStateName(result.state),
                     result.outcomes[PageOutcome::kMoved] * page_bytes_,
                     result.pages_planned * page_bytes_);
  }
  void Finish() { progress_.Clear(); }

 private:
  Progress progress_;
  const int64_t page_bytes_;
};

// The process, checked to be one whose memory can be looked at.
absl::StatusOr<ProcessHandle> OpenProcess(const MigrationContext& context, pid_t pid) {
  auto process = ProcessHandle::Open(context.kernel, context.paths, pid);
  if (absl::IsNotFound(process.status())) {
    return absl::NotFoundError(absl::StrCat("process not found: ", pid));
  }
  if (!process.ok()) return process;
  const auto mappings = process->ReadMaps();
  if (!mappings.ok()) return WithContext(mappings.status(), absl::StrCat("process ", pid));
  if (mappings->empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "process ", pid, " has no memory of its own: it is a kernel thread, or exiting"));
  }
  return process;
}

// A run's or a plan's result as an exit code; the reason for a bad one is the error.
absl::StatusOr<ExitCode> Judge(const Options& options, const WorkloadMigration& result) {
  if (result.reason == MigrationReason::kCancelled) return static_cast<ExitCode>(128 + end_signal);
  if (result.reason == MigrationReason::kPermissionDenied) {
    return absl::PermissionDeniedError(result.message);
  }
  if (result.state == MigrationState::kSucceeded) return kExitSuccess;
  if (!IsFinal(result.state)) return absl::InternalError(result.message);
  return absl::AbortedError(absl::StrCat(
      result.pages_on_target, " of ", result.outcomes.Wanted(), " wanted pages are on node ",
      options.to_node.value, ", less than --min-moved ", options.min_moved, ": ",
      MigrationReasonName(result.reason), result.message.empty() ? "" : ": ", result.message));
}

}  // namespace

absl::StatusOr<ExitCode> Check(const MigrationContext& context, const Options& options) {
  NL_ASSIGN_OR_RETURN(const ProcessHandle process, OpenProcess(context, options.pid));
  NL_ASSIGN_OR_RETURN(const Topology topology, TopologyReader(context.paths).Read());
  std::map<NodeId, int64_t> pages_by_node;
  for (const NodeId node : topology.MemoryNodes()) pages_by_node[node] = 0;
  const PageScanner scanner(context.kernel, context.clock, context.paths, topology.page_bytes);
  const AddressRange everything[] = {kWholeAddressSpace};
  NL_RETURN_IF_ERROR(
      scanner.Scan(process, everything, kAllKinds, [&](absl::Span<const PageRun> runs) {
        for (const PageRun& run : runs) pages_by_node[run.node] += run.pages;
        return true;
      }));
  std::cout << CheckReport(options, pages_by_node);
  return kExitSuccess;
}

absl::StatusOr<ExitCode> Migrate(const MigrationContext& context, const Options& options) {
  NL_ASSIGN_OR_RETURN(const ProcessHandle process, OpenProcess(context, options.pid));
  NL_ASSIGN_OR_RETURN(const Topology topology, TopologyReader(context.paths).Read());
  MigrationSpec spec;
  spec.target_nodes = {options.to_node};
  spec.source_nodes = options.from_nodes;
  spec.min_moved = options.min_moved;
  const PageScanner scanner(context.kernel, context.clock, context.paths, topology.page_bytes);
  NL_ASSIGN_OR_RETURN(spec.ranges,
                      FindPart(options.part, process, scanner, spec.kinds, topology.page_bytes));
  NL_RETURN_IF_ERROR(CheckSpec(spec, topology));
  Workload workload;
  workload.process = process.id();
  const WorkloadProcesses processes{.pids = {process.pid()}};
  NL_RETURN_IF_ERROR(CheckAllowed(context, workload, processes.pids, spec, topology));

  CatchEndSignals();
  Observer observer(context.clock, topology.page_bytes);
  if (options.dry_run) {
    const WorkloadMigration plan = PlanMigration(context, workload, processes, spec, observer);
    observer.Finish();
    if (plan.reason != MigrationReason::kNone) return Judge(options, plan);
    std::cout << PlanReport(options, plan, topology.page_bytes,
                            topology.Find(options.to_node)->free_bytes);
    return kExitSuccess;
  }
  const WorkloadMigration result = RunMigration(context, workload, processes, spec, observer);
  observer.Finish();
  // Refused before it saw a page, it has nothing to report.
  const bool refused = result.reason == MigrationReason::kPermissionDenied;
  if (!refused || result.outcomes.Total() > 0) std::cout << MigrationReport(options, result);
  return Judge(options, result);
}

}  // namespace numalocality
