#include "agent/engine/move/batch_mover.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/engine/move/process_holder.h"

namespace numalocality {
namespace {

// Longest sleep between two checks for a stop.
constexpr absl::Duration kLongestNap = absl::Milliseconds(100);
// Pause after each hold, as a fraction of it. The total time for which the process is held is the
// same for any value; this one only keeps the process from starving.
constexpr double kPauseToHold = 0.25;
// Sleep between two checks whether another worker's batch has ended.
constexpr absl::Duration kClaimNap = absl::Milliseconds(1);
// Sleep between two checks whether the kernel has dropped page cache in the background, and how
// long to wait for it. Then the next batch makes the kernel drop some, because moving huge pages
// may leave the background reclaim asleep. If there is nothing to drop, that batch finds no memory.
constexpr absl::Duration kReclaimNap = absl::Milliseconds(10);
constexpr absl::Duration kLongestReclaim = absl::Milliseconds(500);

}  // namespace

void BatchMover::CountMoved(const PageMove& move, int64_t pages) {
  Count(PageOutcome::kMoved, pages);
  tally_.flows[{move.source, move.target}] += pages;
}

void BatchMover::Flush() {
  // Pages that moved together with others are counted later than the batch.
  if (takes_cache_) context_.reclaim.Took(tally_.outcomes[PageOutcome::kMoved]);
  process_.Add(tally_);
  context_.ledger.Add(tally_);
  tally_ = {};
}

void BatchMover::Move(absl::Span<const PageMove> moves, MoveUnit unit, MoveFlag flag,
                      Settle settle) {
  std::vector<Group> groups = GroupByTarget(moves);
  bool has_turn = false;
  while (!groups.empty() && MayContinue()) {
    Group& group = BestOf(groups);
    const NodeId target = group.target;
    size_t most = std::min(group.left.size(), static_cast<size_t>(SizeOf(unit).pages()));
    const bool is_stuck = is_first_attempt_ && process_.stuck().IsStuck();
    if (is_stuck && group.is_sampled) {
      GiveUp(group, unit, settle);
      std::erase_if(groups, [](const Group& g) { return g.left.empty(); });
      continue;
    }
    if (is_stuck) {
      most = std::min(group.left.size(), SampleSize(unit));
      PutSampleFirst(group, most);
    }
    if (!has_turn && !WaitForTurn(static_cast<int64_t>(most) * PagesPer(unit) *
                                  process_.page_sizes().base_bytes)) {
      break;
    }
    has_turn = true;
    const NodeRoom::Room room = context_.room.ClaimUpTo(target, MostPages(group.left.first(most)),
                                                        PagesToPush(PagesPerBlock()));
    const size_t count = CountThatFits(group.left.first(most), room.pages);
    if (!MayReclaim(room, MostPages(group.left.first(count)))) {
      context_.room.Release(target, room.pages);
      continue;
    }
    std::vector<PageMove> spilled;
    const bool some_are_pinned =
        count > 0 && MoveBatch(group.left.first(count), unit, flag, settle, spilled);
    context_.room.Release(target, room.pages);
    if (count > 0) {
      group.is_sampled = is_stuck && some_are_pinned;
      group.left.remove_prefix(count);
      has_turn = false;
    } else if (room.is_claimed) {
      if (!Pause(kClaimNap)) break;
    } else if (room.must_wait) {
      AwaitReclaim();
    } else {
      if (StopIfGone(target)) break;
      // BestOf chose the target with most room, so moves to the other ones cannot help this group.
      spilled = LeaveFull(group, settle);
      group.left = {};
    }
    AddGroups(std::move(spilled), groups);
    std::erase_if(groups, [](const Group& g) { return g.left.empty(); });
  }
  for (const Group& group : groups) SettleFollowers(group.left, settle);
}

void BatchMover::PutSampleFirst(Group& group, size_t most) {
  const std::vector<size_t> indices = SampleIndices(group.left.size(), most);
  auto next = indices.begin();
  std::vector<PageMove> sample;
  std::vector<PageMove> others;
  for (size_t i = 0; i < group.left.size(); ++i) {
    const bool is_sample = next != indices.end() && *next == i;
    if (is_sample) ++next;
    (is_sample ? sample : others).push_back(group.left[i]);
  }
  sample.insert(sample.end(), others.begin(), others.end());
  group.reordered = std::move(sample);
  group.left = group.reordered;
}

void BatchMover::GiveUp(Group& group, MoveUnit unit, Settle settle) const {
  const std::vector<PageMove> left = SettleFollowers(group.left, settle);
  for (const PageMove& move : left) settle(move, PageOutcome::kPinned);
  process_.stuck().CountUntried(static_cast<int64_t>(left.size()) * PagesPer(unit));
  group.left = {};
}

std::vector<PageMove> BatchMover::SettleFollowers(absl::Span<const PageMove> moves,
                                                  Settle settle) const {
  const std::vector<int> nodes = Query(moves);
  std::vector<PageMove> left;
  for (size_t i = 0; i < moves.size(); ++i) {
    if (i < nodes.size() && IsThere(moves[i], nodes[i])) {
      settle({moves[i].address, moves[i].source, NodeId{nodes[i]}}, PageOutcome::kMoved);
    } else {
      left.push_back(moves[i]);
    }
  }
  return left;
}

std::vector<PageMove> BatchMover::LeaveFull(const Group& group, Settle settle) {
  if (!context_.nodes_swap) context_.room.MarkFull(group.target);
  std::vector<PageMove> left = SettleFollowers(group.left, settle);
  std::vector<PageMove> spilled = spill_over_.Redirect(left);
  for (const PageMove& move : left) settle(move, PageOutcome::kNoMemory);
  if (!left.empty())
    NoRoomOn(group.target, spill_over_.RoomWords(group.target), !context_.nodes_swap);
  return spilled;
}

void BatchMover::AddGroups(std::vector<PageMove> moves, std::vector<Group>& groups) {
  SortByTarget(moves);
  for (const Group& part : GroupByTarget(moves)) {
    Group& group = groups.emplace_back();
    group.target = part.target;
    group.reordered.assign(part.left.begin(), part.left.end());
    group.left = group.reordered;
  }
}

std::vector<BatchMover::Group> BatchMover::GroupByTarget(absl::Span<const PageMove> moves) {
  std::vector<Group> groups;
  while (!moves.empty()) {
    const NodeId target = moves.front().target;
    size_t count = 0;
    while (count < moves.size() && moves[count].target == target) ++count;
    groups.push_back({target, moves.first(count)});
    moves.remove_prefix(count);
  }
  return groups;
}

BatchMover::Group& BatchMover::BestOf(std::vector<Group>& groups) const {
  if (groups.size() == 1) return groups.front();
  return *std::max_element(groups.begin(), groups.end(), [this](const Group& a, const Group& b) {
    return context_.room.On(a.target).pages < context_.room.On(b.target).pages;
  });
}

bool BatchMover::MayContinue() {
  const MigrationReason reason = context_.ledger.StopReason();
  if (reason != MigrationReason::kNone) process_.Stop(reason, PageOutcome::kNotAttempted, "");
  return !process_.stopped();
}

bool BatchMover::Pause(absl::Duration duration) {
  while (duration > absl::ZeroDuration()) {
    const absl::Duration nap = std::min(duration, kLongestNap);
    context_.engine.clock.Sleep(nap);
    duration -= nap;
    if (!MayContinue()) return false;
  }
  return true;
}

bool BatchMover::WaitForTurn(int64_t bytes) {
  absl::Duration bandwidth_wait = context_.bandwidth.Take(bytes);
  if (BandwidthLimit* const host = context_.engine.bandwidth; host != nullptr) {
    bandwidth_wait = std::max(bandwidth_wait, host->Take(bytes));
  }
  tally_.bandwidth_wait += bandwidth_wait;
  if (!Pause(bandwidth_wait)) return false;
  const absl::Duration pressure_wait = context_.back_off.Pause();
  tally_.pressure_wait += pressure_wait;
  return Pause(pressure_wait);
}

bool BatchMover::MayReclaim(const NodeRoom::Room& room, int64_t pages) {
  takes_cache_ = pages > room.free_pages;
  if (!takes_cache_) return true;
  const ReclaimWatch::Answer answer = context_.reclaim.MayTake(context_.room.AheadPages());
  if (!answer.harm.empty()) context_.room.LeaveCache(answer.harm);
  if (answer.pause > absl::ZeroDuration()) Pause(answer.pause);
  return answer.harm.empty() && answer.pause == absl::ZeroDuration();
}

void BatchMover::AwaitReclaim() {
  waited_for_reclaim_ += kReclaimNap;
  Pause(kReclaimNap);
}

int64_t BatchMover::PagesToPush(int64_t pages) const {
  return waited_for_reclaim_ < kLongestReclaim ? 0 : pages;
}

bool BatchMover::MoveBatch(absl::Span<const PageMove> batch, MoveUnit unit, MoveFlag flag,
                           Settle settle, std::vector<PageMove>& spilled) {
  BatchResult moved = Call(batch, unit, flag);
  std::vector<PageMove> left;
  const bool is_full = moved.stop == MoveStop::kNoMemory && !context_.nodes_swap;
  if (is_full) context_.room.MarkFull(batch.front().target);
  for (size_t i = 0; i < batch.size(); ++i) {
    if (is_full && moved.outcomes[i] == PageOutcome::kNoMemory) {
      left.push_back(batch[i]);
    } else {
      settle(batch[i], moved.outcomes[i]);
    }
  }
  spilled = spill_over_.Redirect(left);
  for (const PageMove& move : left) settle(move, PageOutcome::kNoMemory);
  if (is_full && left.empty()) moved.stop = MoveStop::kNone;
  StopFor(moved, batch.front().target, flag);
  Flush();
  return std::find(moved.outcomes.begin(), moved.outcomes.end(), PageOutcome::kPinned) !=
         moved.outcomes.end();
}

std::vector<PageOutcome> BatchMover::MoveTogether(absl::Span<const PageMove> moves) {
  const NodeId target = moves.front().target;
  const int64_t most_pages = MostPages(moves);
  for (;;) {
    const NodeRoom::Room room =
        context_.room.ClaimUpTo(target, most_pages, PagesToPush(most_pages));
    const bool fits = room.pages == most_pages;
    if (fits && MayReclaim(room, most_pages)) break;
    context_.room.Release(target, room.pages);
    if (room.is_claimed) {
      Pause(kClaimNap);
    } else if (room.must_wait) {
      AwaitReclaim();
    } else if (!fits && StopIfGone(target)) {
      return std::vector<PageOutcome>(moves.size(), PageOutcome::kNotAttempted);
    } else if (!fits) {
      if (!context_.nodes_swap) context_.room.MarkFull(target);
      std::vector<PageMove> left(moves.begin(), moves.end());
      const std::vector<PageMove> spilled = spill_over_.Redirect(left);
      if (left.empty()) return MoveTogether(spilled);
      NoRoomOn(target, spill_over_.RoomWords(target), !context_.nodes_swap);
      return std::vector<PageOutcome>(moves.size(), PageOutcome::kNoMemory);
    }
    if (!MayContinue()) {
      return std::vector<PageOutcome>(moves.size(), PageOutcome::kNotAttempted);
    }
  }
  const BatchResult moved = Call(moves, MoveUnit::kPage, MoveFlag::kExclusive);
  context_.room.Release(target, most_pages);
  StopFor(moved, target, MoveFlag::kExclusive);
  return moved.outcomes;
}

BatchResult BatchMover::Call(absl::Span<const PageMove> batch, MoveUnit unit, MoveFlag flag) {
  // A proof takes long, so it is taken before the process is held, and not within the call.
  std::shared_ptr<const ProvenMemory> proven;
  if (flag == MoveFlag::kShared && context_.spec.sharing == SharingRule::kOwned) {
    proven = context_.owned.Current();
  }
  context_.ledger.BatchBegins(worker_.number, process_.handle().pid(),
                              static_cast<int64_t>(batch.size()) * PagesPer(unit));
  BatchSize& size = SizeOf(unit);
  if (size.WantsOverhead()) {
    const auto overhead = mover_.MeasureEmptyCall(process_.handle(), batch.front().target);
    if (overhead.has_value()) size.RecordOverhead(*overhead);
  }
  BatchResult moved = context_.spec.hold == HoldMode::kPtrace
                          ? CallHeld(batch, size, proven.get(), flag)
                          : MoveNow(batch, proven.get(), flag, [] { return true; });
  const auto moved_count =
      std::count(moved.outcomes.begin(), moved.outcomes.end(), PageOutcome::kMoved);
  const auto pinned_count =
      std::count(moved.outcomes.begin(), moved.outcomes.end(), PageOutcome::kPinned);
  if (is_first_attempt_) {
    process_.stuck().Record(moved_count * PagesPer(unit), pinned_count * PagesPer(unit));
  }
  // The kernel tries a pinned page several times, which takes at least as long as to move it.
  size.Record(static_cast<int>(moved_count + pinned_count), moved.calls.total, moved.calls.Count());
  context_.ledger.BatchEnds(worker_.number);
  waited_for_reclaim_ = absl::ZeroDuration();
  tally_.calls.Add(moved.calls);
  return moved;
}

BatchResult BatchMover::MoveNow(absl::Span<const PageMove> batch, const ProvenMemory* proven,
                                MoveFlag flag, absl::FunctionRef<bool()> may_move) const {
  if (proven == nullptr) return mover_.Move(process_.handle(), batch, flag);
  std::vector<PageMove> owned;
  if (!process_.replaces_mappings()) {
    ProvenMemory::LastLook look = proven->Look(context_.engine.clock, process_.handle(), batch);
    if (look.is_replaced) {
      process_.SetReplacesMappings();
      NoteSharing("mapped other memory over its shared memory while that was being moved");
    }
    if (may_move()) owned = std::move(look.owned);
  }
  BatchResult moved;
  if (!owned.empty()) moved = mover_.Move(process_.handle(), owned, flag);
  // Both lists are in the same order.
  std::vector<PageOutcome> outcomes(batch.size(), PageOutcome::kShared);
  for (size_t i = 0, next = 0; i < batch.size() && next < owned.size(); ++i) {
    if (batch[i].address == owned[next].address) outcomes[i] = moved.outcomes[next++];
  }
  moved.outcomes = std::move(outcomes);
  return moved;
}

void BatchMover::NoteSharing(absl::string_view what) const {
  context_.ledger.Update([&](WorkloadMigration& result) {
    result.sharing_note = absl::StrCat("process ", process_.handle().pid(), " ", what,
                                       ", so shared pages of it stay; try again later");
  });
}

BatchResult BatchMover::CallHeld(absl::Span<const PageMove> batch, BatchSize& size,
                                 const ProvenMemory* proven, MoveFlag flag) {
  const Clock& clock = context_.engine.clock;
  // After any pause the PID may belong to another process.
  if (process_.handle().Fate() != ProcessFate::kRunning) {
    return mover_.Move(process_.handle(), batch, flag);  // which finds out why
  }
  absl::Duration start;
  absl::Duration stopped;
  std::optional<ProcessHolder> holder;
  for (int attempt = 1;; ++attempt) {
    start = clock.Monotonic();
    holder.emplace(context_.engine.kernel, process_.handle().pid(), kMaxHeldThreads, kHoldTimeout,
                   context_.engine.longest_hold);
    stopped = clock.Monotonic() - start;
    if (!absl::IsDeadlineExceeded(holder->status())) break;
    // Some of its threads were stopped meanwhile.
    tally_.holds.Add(stopped);
    const bool may_continue = Pause(stopped);
    if (proven == nullptr) {
      ++tally_.unheld_batches;
      return mover_.Move(process_.handle(), batch, flag);
    }
    // Shared pages do not move without a hold: it is what protects the memory of others.
    if (attempt < kMaxHoldAttempts && may_continue) continue;
    NoteSharing("could not be held");
    BatchResult left;
    left.outcomes.assign(batch.size(), PageOutcome::kShared);
    return left;
  }
  if (!holder->status().ok()) return RefusedHold(holder->status(), batch.size());
  size.RecordStop(stopped);
  BatchResult moved = MoveNow(batch, proven, flag, [&] { return holder->is_held(); });
  tally_.unheld_batches += !holder->Release();
  const absl::Duration held = clock.Monotonic() - start;
  tally_.holds.Add(held);
  Pause(held * kPauseToHold);
  return moved;
}

BatchResult BatchMover::RefusedHold(const absl::Status& status, size_t count) {
  BatchResult refused;
  if (absl::IsNotFound(status)) {
    refused.outcomes.assign(count, PageOutcome::kVanished);
    refused.stop = MoveStop::kExited;
    return refused;
  }
  refused.outcomes.assign(count, PageOutcome::kNotAttempted);
  process_.Stop(absl::IsPermissionDenied(status) ? MigrationReason::kPermissionDenied
                                                 : MigrationReason::kHoldRefused,
                PageOutcome::kNotAttempted, std::string(status.message()));
  return refused;
}

int64_t BatchMover::PagesPerBlock() const {
  return std::max(int64_t{1}, process_.page_sizes().PagesPerHuge());
}

size_t BatchMover::CountThatFits(absl::Span<const PageMove> moves, int64_t room) const {
  const auto block_bytes =
      static_cast<uint64_t>(PagesPerBlock() * process_.page_sizes().base_bytes);
  std::optional<uint64_t> last_block;
  for (size_t count = 0; count < moves.size(); ++count) {
    const uint64_t block = moves[count].address / block_bytes;
    if (block == last_block) continue;
    last_block = block;
    room -= PagesPerBlock();
    if (room < 0) return count;
  }
  return moves.size();
}

int64_t BatchMover::MostPages(absl::Span<const PageMove> moves) const {
  const auto block_bytes =
      static_cast<uint64_t>(PagesPerBlock() * process_.page_sizes().base_bytes);
  std::set<uint64_t> blocks;
  for (const PageMove& move : moves) blocks.insert(move.address / block_bytes);
  return static_cast<int64_t>(blocks.size()) * PagesPerBlock();
}

bool BatchMover::StopIfGone(NodeId target) {
  if (!context_.room.IsGone(target)) return false;
  StopForGone(target);
  return true;
}

void BatchMover::StopForGone(NodeId target) {
  process_.Stop(MigrationReason::kNodeGone, PageOutcome::kNotAttempted, NodeGoneMessage({target}));
}

void BatchMover::NoRoomOn(NodeId target, const std::string& message, bool for_good) {
  if (StopIfGone(target)) return;
  process_.LackRoom(message);
  if (!for_good) return;
  context_.room.MarkFull(target);
  if (context_.room.FullNodes().ContainsAll(TargetsOf(process_.targets()))) {
    process_.Stop(MigrationReason::kNoRoom, PageOutcome::kNoMemory, message);
  }
}

void BatchMover::StopFor(const BatchResult& batch, NodeId target, MoveFlag flag) {
  const std::string process = absl::StrCat("process ", process_.handle().pid());
  switch (batch.stop) {
    case MoveStop::kNone: return;
    case MoveStop::kExited:
      return process_.Stop(MigrationReason::kWorkloadGone, PageOutcome::kVanished,
                           process + " has exited");
    case MoveStop::kReplaced:
      return process_.Stop(MigrationReason::kWorkloadGone, PageOutcome::kIdentityChanged,
                           process + " has exited, and its PID now belongs to another process");
    case MoveStop::kNoMemory:
      return NoRoomOn(target,
                      absl::StrCat("the kernel found no free memory on node ", target.value,
                                   "; check that the agent's own cpuset.mems allows this node"),
                      true);
    case MoveStop::kNodeGone: return StopForGone(target);
    case MoveStop::kForbidden:
      if (StopIfGone(target)) return;
      return process_.Stop(MigrationReason::kCpusetForbids, PageOutcome::kForbidden,
                           absl::StrCat(process, ": cpuset.mems forbids node ", target.value));
    case MoveStop::kPermissionDenied:
      return process_.Stop(
          MigrationReason::kPermissionDenied, PageOutcome::kPermissionDenied,
          absl::StrCat(ErrnoStatus(batch.error_number, process + ": move_pages").message(),
                       "; move_pages needs CAP_SYS_PTRACE",
                       flag == MoveFlag::kShared ? " and, for shared pages, CAP_SYS_NICE" : ""));
    case MoveStop::kUnexpected:
      return process_.Stop(
          MigrationReason::kInternal, PageOutcome::kNotAttempted,
          std::string(ErrnoStatus(batch.error_number,
                                  absl::StrCat(process, ": move_pages to node ", target.value))
                          .message()));
  }
}

}  // namespace numalocality
