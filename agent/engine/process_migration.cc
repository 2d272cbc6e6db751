#include "agent/engine/process_migration.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/base/units.h"

namespace numalocality {

absl::StatusOr<NodeSet> TargetNodes(const MigrationContext& context, const ProcessHandle& process,
                                    const MigrationSpec& spec, const Topology& topology) {
  NL_ASSIGN_OR_RETURN(const NodeSet allowed, process.ReadAllowedNodes());
  if (!spec.target_nodes.empty()) {
    if (allowed.ContainsAll(spec.target_nodes)) return spec.target_nodes;
    return absl::FailedPreconditionError(absl::StrCat(
        "process ", process.pid(), ": its cpuset.mems allows node ", allowed.ToString(),
        " only, the target is node ", spec.target_nodes.ToString(), "; widen cpuset.mems first"));
  }
  NL_ASSIGN_OR_RETURN(const ProcessThreads threads,
                      ReadThreads(context.kernel, context.paths, process.pid()));
  const NodeSet homes = topology.HomeNodes(threads.cpus);
  if (NodeSet usable = homes & allowed; !usable.empty()) return usable;
  return absl::FailedPreconditionError(
      absl::StrCat("process ", process.pid(), ": its cpuset.mems allows node ", allowed.ToString(),
                   " only, the home of its CPUs ", threads.cpus.ToString(), " is node ",
                   homes.ToString(), "; widen cpuset.mems first"));
}

ProcessMigration::ProcessMigration(const MigrationContext& context, const MigrationSpec& spec,
                                   const Topology& topology, NodeRoom& room, ProcessHandle process,
                                   const NodeSet& targets, WorkloadMigration& result,
                                   MigrationObserver& observer)
    : spec_(spec),
      topology_(topology),
      room_(room),
      process_(std::move(process)),
      target_nodes_(targets),
      targets_(MapToNearest(topology, targets, spec.source_nodes)),
      topology_reader_(context.paths),
      huge_bytes_(topology_reader_.ReadHugePageBytes()),
      scanner_(context.kernel, context.clock, context.paths, topology.page_bytes),
      mover_(context.kernel, context.clock),
      result_(result),
      observer_(observer),
      batch_size_(spec.limits.longest_call) {}

absl::StatusOr<ProcessMigration::PageCounts> ProcessMigration::CountPages(MemoryByNode& memory) {
  PageCounts counts;
  bool stopped = false;
  const absl::Status status =
      scanner_.Scan(process_, spec_.ranges, spec_.kinds, [&](absl::Span<const PageRun> runs) {
        for (const PageRun& run : runs) {
          memory.Add(run.node, run.kind, run.pages * topology_.page_bytes);
          if (const auto target = targets_.find(run.node); target != targets_.end()) {
            (target->second == run.node ? counts.in_place : counts.misplaced) += run.pages;
          }
        }
        stopped = observer_.StopReason() == MigrationReason::kCancelled;
        return !stopped;
      });
  vanished_ |= absl::IsNotFound(status);
  if (!status.ok()) return status;
  if (stopped) return absl::CancelledError("cancelled");
  return counts;
}

absl::Status ProcessMigration::Scan() {
  MemoryByNode memory;
  NL_ASSIGN_OR_RETURN(found_, CountPages(memory));
  result_.before.Add(memory);
  result_.pages_planned += found_.misplaced;
  observer_.OnProgress(result_);
  return absl::OkStatus();
}

MigrationReason ProcessMigration::Move() {
  const absl::Status status = scanner_.Scan(process_, spec_.ranges, spec_.kinds,
                                            [this](absl::Span<const PageRun> runs) {
                                              MoveWindow(runs);
                                              return stop_ == MigrationReason::kNone;
                                            });
  if (!status.ok() && stop_ == MigrationReason::kNone) {
    vanished_ |= absl::IsNotFound(status);
    Stop(vanished_                          ? MigrationReason::kWorkloadGone
         : absl::IsPermissionDenied(status) ? MigrationReason::kPermissionDenied
                                            : MigrationReason::kInternal,
         vanished_ ? PageOutcome::kVanished : PageOutcome::kNotAttempted,
         std::string(status.message()));
  }
  if (stop_ != MigrationReason::kNone) Skip(outcome_of_rest_);
  return stop_ == MigrationReason::kNone && lacked_room_ ? MigrationReason::kNoRoom : stop_;
}

void ProcessMigration::Skip(PageOutcome outcome) {
  const int64_t left = std::max(int64_t{0}, found_.misplaced + found_.in_place - counts_.Total());
  const int64_t in_place =
      vanished_
          ? 0
          : std::clamp(found_.in_place - counts_[PageOutcome::kAlreadyThere], int64_t{0}, left);
  Count(PageOutcome::kAlreadyThere, in_place);
  Count(outcome, left - in_place);
}

absl::Status ProcessMigration::Verify() {
  MemoryByNode memory;
  NL_ASSIGN_OR_RETURN(const PageCounts counts, CountPages(memory));
  result_.verifications.back().memory.Add(memory);
  const int64_t in_place = counts_[PageOutcome::kMoved] + counts_[PageOutcome::kAlreadyThere];
  const int64_t left_behind = counts_.Total() - in_place;
  const int64_t drifted =
      std::clamp(counts.misplaced - left_behind, int64_t{0}, counts_[PageOutcome::kMoved]);
  result_.drifted_pages += drifted;
  result_.pages_on_target += in_place - drifted;
  observer_.OnProgress(result_);
  return absl::OkStatus();
}

void ProcessMigration::MoveWindow(absl::Span<const PageRun> runs) {
  const WindowPlan plan = PlanWindow(runs, targets_, {topology_.page_bytes, huge_bytes_, false});
  Count(PageOutcome::kAlreadyThere, plan.already_there_pages);
  MoveList(plan.probes, huge_bytes_ / topology_.page_bytes);
  // Also after a stop: what came along has moved.
  if (!plan.rest.empty()) MoveList(WithoutFollowers(plan.rest), 1);
  MoveList(plan.singles, 1);
  CountStuck();
  observer_.OnProgress(result_);
}

void ProcessMigration::MoveList(absl::Span<const PageMove> moves, int64_t pages_per_move) {
  while (!moves.empty() && stop_ == MigrationReason::kNone) {
    if (const MigrationReason reason = observer_.StopReason(); reason != MigrationReason::kNone) {
      Stop(reason, PageOutcome::kNotAttempted, "");
      return;
    }
    const NodeId target = moves.front().target;
    size_t count = 0;
    while (count < moves.size() && moves[count].target == target) ++count;
    if (room_.full_nodes.Contains(target)) {
      Count(PageOutcome::kNoMemory, static_cast<int64_t>(count));
      moves.remove_prefix(count);
      NoRoomOn(target, absl::StrCat("node ", target.value, " is full"));
      continue;
    }
    count = std::min(count, static_cast<size_t>(batch_size_.pages()));
    count = CountThatFits(moves.first(count), RoomOn(target));
    if (count == 0) {
      NoRoomOn(target, RoomWords(target));
      continue;
    }
    MoveBatch(moves.first(count), pages_per_move);
    moves.remove_prefix(count);
  }
}

void ProcessMigration::MoveBatch(absl::Span<const PageMove> batch, int64_t pages_per_move) {
  observer_.OnBatch(process_.pid(), static_cast<int64_t>(batch.size()) * pages_per_move);
  const BatchResult moved = mover_.Move(process_, batch);
  for (size_t i = 0; i < batch.size(); ++i) {
    const PageOutcome outcome = moved.outcomes[i];
    if (outcome == PageOutcome::kBusy || outcome == PageOutcome::kPinned) {
      stuck_.push_back({batch[i], outcome});
    } else {
      Count(outcome, 1);
    }
  }
  result_.calls.Add(moved.calls);
  // What an entry that may be a huge page costs says nothing about base pages.
  if (pages_per_move == 1) {
    batch_size_.Record(static_cast<int>(batch.size()), moved.calls.longest);
  }
  StopFor(moved, batch.front().target);
  observer_.OnProgress(result_);
}

std::vector<PageMove> ProcessMigration::WithoutFollowers(absl::Span<const PageMove> rest) {
  const std::vector<int> nodes = mover_.Query(process_, rest);
  std::vector<PageMove> left;
  for (size_t i = 0; i < rest.size(); ++i) {
    if (i < nodes.size() && nodes[i] == rest[i].target.value) {
      Count(PageOutcome::kMoved, 1);
    } else {
      left.push_back(rest[i]);
    }
  }
  return left;
}

void ProcessMigration::CountStuck() {
  if (stuck_.empty()) return;
  std::vector<PageMove> moves;
  for (const StuckPage& page : stuck_) moves.push_back(page.move);
  const std::vector<int> nodes = mover_.Query(process_, moves);
  for (size_t i = 0; i < stuck_.size(); ++i) {
    const bool came_along = i < nodes.size() && nodes[i] == moves[i].target.value;
    Count(came_along ? PageOutcome::kMoved : stuck_[i].outcome, 1);
  }
  stuck_.clear();
}

int64_t ProcessMigration::RoomOn(NodeId target) const {
  const int64_t spare =
      topology_reader_.ReadFreeBytes(target).value_or(0) - room_.reserve_bytes.at(target);
  return std::max(int64_t{0}, spare / topology_.page_bytes);
}

size_t ProcessMigration::CountThatFits(absl::Span<const PageMove> moves, int64_t room) const {
  const uint64_t block_bytes = std::max(huge_bytes_, topology_.page_bytes);
  std::optional<uint64_t> last_block;
  for (size_t count = 0; count < moves.size(); ++count) {
    const uint64_t block = moves[count].address / block_bytes;
    if (block == last_block) continue;
    last_block = block;
    room -= static_cast<int64_t>(block_bytes) / topology_.page_bytes;
    if (room < 0) return count;
  }
  return moves.size();
}

std::string ProcessMigration::RoomWords(NodeId target) const {
  const auto free_bytes = topology_reader_.ReadFreeBytes(target);
  if (!free_bytes.ok()) return std::string(free_bytes.status().message());
  return absl::StrCat("node ", target.value, " has ", FormatBytes(*free_bytes), " free, of which ",
                      FormatBytes(room_.reserve_bytes.at(target)), " are kept in reserve");
}

void ProcessMigration::NoRoomOn(NodeId target, const std::string& message) {
  room_.full_nodes.Insert(target);
  lacked_room_ = true;
  if (message_.empty()) message_ = message;
  if (room_.full_nodes.ContainsAll(target_nodes_)) {
    Stop(MigrationReason::kNoRoom, PageOutcome::kNoMemory, message_);
  }
}

void ProcessMigration::StopFor(const BatchResult& batch, NodeId target) {
  const std::string process = absl::StrCat("process ", process_.pid());
  switch (batch.stop) {
    case MoveStop::kNone: return;
    case MoveStop::kExited:
      vanished_ = true;
      return Stop(MigrationReason::kWorkloadGone, PageOutcome::kVanished, process + " has exited");
    case MoveStop::kReplaced:
      vanished_ = true;
      return Stop(MigrationReason::kWorkloadGone, PageOutcome::kIdentityChanged,
                  process + " has exited and its PID names another process now");
    case MoveStop::kNoMemory:
      return NoRoomOn(target,
                      absl::StrCat("the kernel found no free memory on node ", target.value,
                                   "; the agent's own cpuset.mems must allow that node too"));
    case MoveStop::kForbidden:
      return Stop(MigrationReason::kCpusetForbids, PageOutcome::kForbidden,
                  absl::StrCat(process, ": cpuset.mems forbids node ", target.value));
    case MoveStop::kPermissionDenied:
      return Stop(MigrationReason::kPermissionDenied, PageOutcome::kPermissionDenied,
                  absl::StrCat(ErrnoStatus(batch.error_number, process + ": move_pages").message(),
                               "; it needs CAP_SYS_PTRACE and a seccomp profile that allows it"));
    case MoveStop::kUnexpected:
      return Stop(
          MigrationReason::kInternal, PageOutcome::kNotAttempted,
          std::string(ErrnoStatus(batch.error_number,
                                  absl::StrCat(process, ": move_pages to node ", target.value))
                          .message()));
  }
}

void ProcessMigration::Stop(MigrationReason reason, PageOutcome outcome_of_rest,
                            std::string message) {
  stop_ = reason;
  outcome_of_rest_ = outcome_of_rest;
  message_ = std::move(message);
}

void ProcessMigration::Count(PageOutcome outcome, int64_t pages) {
  counts_.Add(outcome, pages);
  result_.outcomes.Add(outcome, pages);
}

}  // namespace numalocality
