#include "agent/engine/move/workload_mover.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/base/units.h"
#include "agent/engine/move/bandwidth_limit.h"
#include "agent/engine/move/cgroup_cross_check.h"
#include "agent/engine/move/move_ledger.h"
#include "agent/engine/move/owned_memory.h"
#include "agent/engine/move/pressure_back_off.h"
#include "agent/engine/move/process_migration.h"
#include "agent/engine/move/reclaim_watch.h"
#include "agent/engine/move/segment_mover.h"
#include "agent/engine/move/segment_queue.h"
#include "agent/engine/move/verification.h"
#include "agent/engine/workload/node_room.h"
#include "agent/os/base/read_budget.h"
#include "agent/os/node/topology_reader.h"
#include "agent/os/process/process_handle.h"
#include "agent/os/process/same_memory.h"

namespace numalocality {
namespace {

// Misplaced pages of a segment if nodes swap memory or there are several workers. 16 MiB of base
// pages limit the free memory that a swap needs, and are enough work for one scan of the mappings.
constexpr int64_t kSegmentPages = 4096;

// A verification that takes longer ends: a workload whose memory is slow to read would keep others
// waiting, and the migration's deadline is for moving only.
constexpr absl::Duration kLongestVerification = absl::Minutes(10);

// The phases of one migration over all processes of a workload. For one thread; Move starts the
// workers and joins them.
class WorkloadMover {
 public:
  WorkloadMover(const EngineContext& context, const MigrationSpec& spec,
                MigrationObserver& observer, WorkloadMigration& result)
      : context_(context),
        spec_(spec),
        result_(result),
        ledger_(result, observer),
        room_(context.host, topology_),
        bandwidth_(context.clock, spec.limits.bytes_per_second) {}

  // Opens and scans every process. An error ends the migration, unless a process is gone.
  void Prepare(const WorkloadProcesses& processes) {
    auto topology = TopologyReader(context_.host).Read();
    if (!topology.ok()) return Stop(MigrationReason::kInternal, topology.status().message());
    topology_ = *std::move(topology);
    const NodeSet targets = TargetsOf(spec_.node_map) | spec_.target_nodes;
    if (const NodeSet gone = targets - topology_.MemoryNodes(); !gone.empty()) {
      return Stop(MigrationReason::kNodeGone, NodeGoneMessage(gone));
    }
    if (const absl::Status status = room_.Read(context_.limits.room); !status.ok()) {
      return Stop(MigrationReason::kInternal, status.message());
    }
    result_.hidden_process_count = processes.hidden_count;
    result_.incomplete = processes.incomplete;
    auto pids = absl::MakeConstSpan(processes.pids);
    if (pids.size() > kMostProcesses) {
      result_.incomplete = true;
      result_.message =
          absl::StrCat("it has ", pids.size(), " processes; only the memory of the first ",
                       kMostProcesses, " was considered");
      pids = pids.first(kMostProcesses);
    }
    ReadBudget budget(kRequestLimits, context_.clock, [this] { return !MayGoOn(); });
    const auto groups = GroupBySameMemory(context_.kernel, context_.host, pids, budget);
    if (!groups.ok()) return Check(groups.status());
    result_.process_count = static_cast<int>(groups->size());
    result_.same_memory_count = static_cast<int>(pids.size() - groups->size());
    for (const std::vector<pid_t>& group : *groups) {
      // They share one address space, which is moved through the first process that still exists.
      absl::Status status;
      for (const pid_t pid : group) {
        status = OpenProcess(pid, budget);
        if (!absl::IsNotFound(status)) break;
      }
      unopened_ += absl::IsNotFound(status);
      Check(status);
    }
    nodes_swap_ = !(SourcesOfAll() & result_.target_nodes).empty();
    if (!processes_.empty()) result_.scan_method = ScanMethod::kFrames;
    // The cgroup of a workload that is one process also has other processes' memory.
    const ExpectedNodes expected =
        result_.workload.process.has_value()
            ? ExpectedNodes{}
            : CgroupCrossCheck(context_.host, result_.workload).Uniform();
    ReadBudget maps_budget(kMigrationLimits, context_.clock, [this] { return !MayGoOn(); });
    for (const auto& process : processes_) Check(ScanProcess(*process, expected, maps_budget));
    CountVanished();
  }

  // Counts all pages that were found as not attempted.
  void Skip() {
    for (const auto& process : processes_) {
      process->Stop(reason_, PageOutcome::kNotAttempted, "");
      Book(process->CountRest());
    }
  }

  void Move() {
    if (spec_.enough_bytes.has_value()) {
      const int64_t page = topology_.page_bytes;
      ledger_.StopAfter((*spec_.enough_bytes + page - 1) / page);
    }
    cross_check_.emplace(context_.host, result_.workload);
    MoveAll();
    cross_check_->ReadAgain();
  }

  // Verifies at once, and again after each of the times `later`.
  void Verify(absl::Span<const absl::Duration> later) {
    const absl::Duration start = context_.clock.Monotonic();
    bool in_time = VerifyOnce(absl::ZeroDuration());
    CrossCheckCounters();
    for (const absl::Duration after : later) {
      if (!in_time || NothingIsLeft() || !SleepUntil(start + after)) return;
      in_time = VerifyOnce(after);
    }
  }

  // Compares what was moved with the cgroup's counters. Call after the first verification, if any.
  void CrossCheckCounters() {
    if (!cross_check_.has_value()) return;
    PageFlows flows;
    for (const auto& process : processes_) {
      for (const auto& [nodes, pages] : process->flows()) flows[nodes] += pages;
    }
    const auto& verifications = result_.verifications;
    const CrossCheck cross_check = cross_check_->Compare(
        flows, verifications.empty() ? 0 : verifications.front().drifted_pages, spec_.kinds,
        topology_);
    ledger_.Update([&](WorkloadMigration& result) { result.cross_check = cross_check; });
  }

  MigrationReason reason() const { return reason_; }

 private:
  void MoveAll() {
    SegmentQueue queue(room_);
    for (const auto& process : processes_) {
      for (const MemorySegment& segment : process->segments()) queue.Add({process.get(), segment});
    }
    BackOff back_off(context_.clock, context_.host,
                     result_.workload.cgroup_path.empty()
                         ? std::nullopt
                         : std::optional(result_.workload.cgroup_path));
    if (nodes_swap_ && spec_.sharing != SharingRule::kNever) {
      ledger_.Update([](WorkloadMigration& result) {
        result.sharing_note =
            "shared pages are not moved: a node is both source and target, so one process would "
            "move back what another one has moved";
      });
    }
    OwnedMemory owned(context_, result_.workload, processes_, ledger_);
    ReclaimWatch reclaim(context_.clock, context_.host);
    const MoveContext context{context_, spec_,   topology_, room_, bandwidth_,
                              back_off, reclaim, ledger_,   owned, nodes_swap_};
    const auto work = [&](int number) {
      MoveWorker worker(number, spec_.limits);
      while (const auto segment = queue.Next()) {
        if (segment->process->stopped()) continue;
        SegmentMover mover(context, worker, *segment->process);
        mover.Move(segment->memory);
        if (segment->process->stopped() || !segment->process->CloseSegment()) continue;
        mover.FinishProcess();
        segment->process->ForgetMappings();
      }
    };
    std::vector<std::thread> threads;
    for (int i = 1; i < spec_.limits.workers; ++i) threads.emplace_back(work, i);
    work(0);
    for (std::thread& thread : threads) thread.join();
    for (const auto& process : processes_) Conclude(*process);
    NoteUntried();
    NoteRoom(reclaim);
    // The note explains why pages were left.
    if (result_.outcomes[PageOutcome::kShared] == 0) result_.sharing_note.clear();
    CountVanished();
  }

  // Says how much of what counts as pinned was not tried.
  void NoteUntried() {
    int64_t pages = 0;
    for (const auto& process : processes_) pages += process->stuck().untried_pages();
    if (pages == 0 || !result_.message.empty()) return;
    result_.message =
        absl::StrCat(FormatBytes(pages * topology_.page_bytes),
                     " of the pinned memory was not tried: no page of a sample moved");
  }

  // Says how much page cache was taken as room.
  void NoteRoom(const ReclaimWatch& reclaim) {
    const int64_t taken = reclaim.taken_pages() * topology_.page_bytes;
    if (taken == 0) return;
    std::string note = absl::StrCat(
        FormatBytes(taken), " took the place of page cache; ",
        FormatBytes(reclaim.refaulted_pages() * topology_.page_bytes),
        " of page cache that had been dropped on this machine were read again meanwhile");
    for (const NodeId node : result_.target_nodes) {
      absl::StrAppend(&note, "; ", room_.Describe(node));
    }
    note += '.';
    result_.room_note = std::move(note);
  }

  // Whether all processes have exited.
  bool NothingIsLeft() const {
    return std::all_of(processes_.begin(), processes_.end(), [](const auto& process) {
      return process->vanished() || process->handle().Fate() != ProcessFate::kRunning;
    });
  }

  // Before moving: whether no error has ended the migration, and it is neither cancelled nor over
  // its deadline.
  bool MayGoOn() {
    const MigrationReason reason = ledger_.StopReason();
    if (reason != MigrationReason::kNone) {
      Stop(reason, reason == MigrationReason::kDeadline
                       ? "the deadline passed before the memory was read for the first time"
                       : "cancelled");
    }
    return reason_ == MigrationReason::kNone;
  }

  bool IsCancelled() { return ledger_.StopReason() == MigrationReason::kCancelled; }

  // Ends the migration after an error, unless the process is gone.
  void Check(const absl::Status& status) {
    if (status.ok() || absl::IsNotFound(status)) return;
    Stop(ReasonOf(status), status.message());
  }

  void CountVanished() {
    result_.vanished_process_count = unopened_;
    for (const auto& process : processes_) result_.vanished_process_count += process->vanished();
  }

  absl::Status OpenProcess(pid_t pid, ReadBudget& budget) {
    if (!MayGoOn()) return absl::OkStatus();
    NL_ASSIGN_OR_RETURN(
        ProcessHandle process,
        WorkloadFinder(context_.host).OpenProcess(context_.kernel, result_.workload, pid));
    NL_ASSIGN_OR_RETURN(const NodeSet targets,
                        TargetNodes(context_, process, spec_, topology_, budget));
    result_.target_nodes = result_.target_nodes | targets;
    processes_.push_back(std::make_unique<ProcessMigration>(
        context_, spec_, topology_, stuck_, std::move(process),
        spec_.node_map.empty() ? MapToNearest(topology_, targets, spec_.source_nodes)
                               : spec_.node_map));
    return absl::OkStatus();
  }

  NodeSet SourcesOfAll() const {
    NodeSet sources;
    for (const auto& process : processes_) sources = sources | SourcesOf(process->targets());
    return sources;
  }

  absl::Status ScanProcess(ProcessMigration& process, const ExpectedNodes& expected,
                           ReadBudget& budget) {
    if (!MayGoOn()) return absl::OkStatus();
    const bool in_parts = nodes_swap_ || spec_.limits.workers > 1;
    absl::Status status =
        process.Scan(in_parts ? kSegmentPages : std::numeric_limits<int64_t>::max(), expected,
                     budget, [this] { return !MayGoOn(); });
    // What a scan has found before it was ended counts.
    if (!status.ok() && !absl::IsCancelled(status)) return status;
    ledger_.Update([&](WorkloadMigration& result) {
      result.before.Add(process.memory_before());
      result.pages_planned += process.misplaced_pages();
      result.scan_method = std::max(result.scan_method.value_or(ScanMethod::kFrames),
                                    process.scanner().MethodFor(process.handle()));
    });
    return status;
  }

  // Counts the rest of a process's pages after all workers have ended.
  void Conclude(ProcessMigration& process) {
    // Some segments were not begun, because the migration was stopped.
    if (process.open_segments() > 0) {
      process.Stop(ledger_.StopReason(), PageOutcome::kNotAttempted, "");
    }
    Book(process.CountRest());
    const MigrationReason reason = process.reason();
    if (reason != MigrationReason::kNone && !process.vanished()) Stop(reason, process.message());
  }

  void Book(const MoveTally& tally) { ledger_.Add(tally); }

  // Returns false if it took too long.
  bool VerifyOnce(absl::Duration after) {
    const absl::Duration end = context_.clock.Monotonic() + kLongestVerification;
    const auto is_late = [&] { return context_.clock.Monotonic() > end; };
    const VerificationResult verified = VerifyProcesses(context_, topology_, processes_, after,
                                                        [&] { return IsCancelled() || is_late(); });
    if (absl::IsCancelled(verified.status) && !IsCancelled()) {
      Stop(MigrationReason::kDeadline,
           absl::StrCat("its memory is not verified: reading it takes longer than ",
                        absl::FormatDuration(kLongestVerification)));
      return false;
    }
    Check(verified.status);
    if (!verified.status.ok() && !absl::IsNotFound(verified.status)) return true;
    CountVanished();
    ledger_.Update([&](WorkloadMigration& result) {
      result.pages_on_target = verified.verification.pages_on_target;
      result.drifted_pages = verified.verification.drifted_pages;
      result.drift_facts = verified.drift_facts;
      result.verifications.push_back(verified.verification);
    });
    return true;
  }

  // Returns false if the migration was cancelled meanwhile.
  bool SleepUntil(absl::Duration time) {
    while (context_.clock.Monotonic() < time && !NothingIsLeft()) {
      if (IsCancelled()) {
        Stop(MigrationReason::kCancelled, "cancelled between two verifications");
        return false;
      }
      context_.clock.Sleep(std::min(absl::Milliseconds(100), time - context_.clock.Monotonic()));
    }
    return true;
  }

  static MigrationReason ReasonOf(const absl::Status& status) {
    switch (status.code()) {
      case absl::StatusCode::kPermissionDenied: return MigrationReason::kPermissionDenied;
      case absl::StatusCode::kFailedPrecondition: return MigrationReason::kCpusetForbids;
      case absl::StatusCode::kCancelled: return MigrationReason::kCancelled;
      default: return MigrationReason::kInternal;
    }
  }

  // Keeps the first reason.
  void Stop(MigrationReason reason, absl::string_view message) {
    if (reason_ != MigrationReason::kNone) return;
    reason_ = reason;
    result_.message = std::string(message);
  }

  const EngineContext& context_;
  const MigrationSpec& spec_;
  WorkloadMigration& result_;  // only the ledger changes it while workers run
  MoveLedger ledger_;
  Topology topology_;
  NodeRoom room_;
  BandwidthLimit bandwidth_;
  StuckWorkload stuck_;
  std::vector<std::unique_ptr<ProcessMigration>> processes_;
  std::optional<CgroupCrossCheck> cross_check_;
  int unopened_ = 0;  // processes that exited before they were opened
  bool nodes_swap_ = false;
  MigrationReason reason_ = MigrationReason::kNone;
};

}  // namespace

WorkloadMigration PlanWorkload(const EngineContext& context, const Workload& workload,
                               const WorkloadProcesses& processes, const MigrationSpec& spec,
                               MigrationObserver& observer) {
  WorkloadMigration result;
  result.workload = workload;
  WorkloadMover mover(context, spec, observer, result);
  mover.Prepare(processes);
  result.reason = mover.reason();
  return result;
}

WorkloadMigration MoveWorkload(const EngineContext& context, const Workload& workload,
                               const WorkloadProcesses& processes, const MigrationSpec& spec,
                               MigrationObserver& observer) {
  WorkloadMigration result;
  result.workload = workload;
  result.state = MigrationState::kRunning;
  WorkloadMover mover(context, spec, observer, result);
  mover.Prepare(processes);
  const bool prepared = mover.reason() == MigrationReason::kNone;
  if (prepared) {
    mover.Move();
  } else {
    mover.Skip();
  }
  const bool may_read_on = mover.reason() != MigrationReason::kCancelled &&
                           (prepared || mover.reason() != MigrationReason::kDeadline);
  if (may_read_on) {
    result.state = MigrationState::kVerifying;
    observer.OnProgress(result);
    mover.Verify(prepared ? spec.verify_after : std::vector<absl::Duration>());
  } else {
    mover.CrossCheckCounters();
  }
  if (result.verifications.empty()) {
    // Cancelled, or the scan failed: the counts are all that is known.
    result.pages_on_target =
        result.outcomes[PageOutcome::kMoved] + result.outcomes[PageOutcome::kAlreadyThere];
  }
  Conclude(result, mover.reason(), spec.min_moved);
  if (!prepared && result.state != MigrationState::kCancelled) {
    // Not all processes were scanned: the pages on target of the others prove nothing.
    result.state = MigrationState::kFailed;
    result.reason = mover.reason();
  }
  return result;
}

}  // namespace numalocality
