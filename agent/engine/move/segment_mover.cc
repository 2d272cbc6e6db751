#include "agent/engine/move/segment_mover.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <tuple>
#include <utility>

#include "agent/os/pages/shared_pages.h"

namespace numalocality {
namespace {

uint64_t EndOf(const PageSpan& span, int64_t page_bytes) {
  return span.address + static_cast<uint64_t>(span.pages * page_bytes);
}

// The parts of `ranges` within `limits`.
std::vector<AddressRange> Clip(const std::vector<AddressRange>& ranges, AddressRange limits) {
  std::vector<AddressRange> clipped;
  for (const AddressRange& range : ranges) {
    const AddressRange part{std::max(range.start, limits.start), std::min(range.end, limits.end)};
    if (part.start < part.end) clipped.push_back(part);
  }
  return clipped;
}

}  // namespace

SegmentMover::SegmentMover(const MoveContext& context, MoveWorker& worker,
                           ProcessMigration& process)
    : context_(context),
      process_(process),
      pagemap_(
          Pagemap::Open(context.engine.kernel, process.handle(), process.page_sizes().base_bytes)),
      batches_(context, worker, process),
      retries_(
          context.spec.limits.retries, process.page_sizes(), batches_,
          [this](absl::Span<const PageMove> heads, std::vector<PageMove> singles, MoveFlag flag) {
            MoveHuge(heads, flag, singles);
            SortByTarget(singles);
            MoveSingles(singles, flag);
          }) {}

void SegmentMover::Move(const MemorySegment& segment) {
  AddressRange left = segment.range;
  absl::Status status;
  while (left.start < left.end && status.ok() && batches_.MayContinue()) {
    const auto known = process_.Mappings([this] { return !batches_.MayContinue(); });
    status = known.ok() ? MoveRange(segment, **known, left) : known.status();
  }
  retries_.RetryCollected();
  MoveSharers();  // pages may become shared between two attempts
  if (status.ok() && !process_.stopped()) {
    // Pages that another process of the workload has moved to the target. Pages that are new there
    // were never misplaced, so `missing` bounds the number.
    const int64_t missing = std::max(int64_t{0}, segment.misplaced_pages - misplaced_pages_);
    batches_.Count(PageOutcome::kAlreadyThere,
                   std::clamp(settled_pages_ - segment.settled_pages, int64_t{0}, missing));
  }
  batches_.Flush();
  if (status.ok()) return;
  const bool is_gone = absl::IsNotFound(status);
  process_.Stop(is_gone                            ? MigrationReason::kWorkloadGone
                : absl::IsPermissionDenied(status) ? MigrationReason::kPermissionDenied
                                                   : MigrationReason::kInternal,
                is_gone ? PageOutcome::kVanished : PageOutcome::kNotAttempted,
                std::string(status.message()));
}

absl::Status SegmentMover::MoveRange(const MemorySegment& segment,
                                     const ProcessMigration::KnownMappings& known,
                                     AddressRange& left) {
  bool ended_early = false;
  absl::Status status = process_.scanner().Scan(
      process_.handle(), known.mappings, Clip(context_.spec.ranges, left), context_.spec.kinds,
      [&](absl::Span<const PageSpan> spans) {
        ended_early = !batches_.MayContinue();
        if (ended_early) return false;
        if (!spans.empty()) {
          misplaced_pages_ += process_.CountMisplaced(spans);
          settled_pages_ += process_.CountSettled(spans);
          MoveWindow(spans);
          left.start = EndOf(spans.back(), process_.page_sizes().base_bytes);
        }
        // After the window: however long its reads have taken, it was moved.
        const bool is_old = !spans.empty() && context_.engine.clock.Monotonic() >= known.old_at;
        ended_early = is_old || process_.stopped();
        return !ended_early;
      },
      segment.nodes.Uniform());
  if (!ended_early) left.start = left.end;
  return status;
}

void SegmentMover::MoveWindow(absl::Span<const PageSpan> spans) {
  WindowPlan plan = PlanWindow(SettleShared(spans), process_.targets(), process_.page_sizes());
  batches_.Count(PageOutcome::kAlreadyThere, plan.already_there_pages);
  batches_.Count(PageOutcome::kBusy, plan.hidden_pages);
  if (plan.CountMoves(process_.page_sizes()) > 0 && process_.stuck().IsStuck()) {
    TrySample(process_.stuck().PutAside(std::move(plan), MostAside()));
  } else {
    MovePlan(std::move(plan));
  }
  MoveSharers();
  batches_.Flush();
}

void SegmentMover::MovePlan(WindowPlan plan) {
  std::vector<PageMove> singles = std::move(plan.singles);
  MoveHuge(plan.huge, MoveFlag::kExclusive, singles);
  MoveProbes(plan.probes, plan.rest, singles);
  SortByTarget(singles);
  MoveSingles(singles, MoveFlag::kExclusive);
  if (retries_.IsDue()) retries_.RetryCollected();
}

size_t SegmentMover::MostAside() const {
  const size_t pages = batches_.SampleSize(MoveUnit::kPage);
  if (process_.page_sizes().PagesPerHuge() == 0) return pages;
  return std::min(pages, batches_.SampleSize(MoveUnit::kHugePage));
}

void SegmentMover::TrySample(std::vector<WindowPlan> windows) {
  if (windows.empty() || !batches_.MayContinue()) return;
  const PageSizes& sizes = process_.page_sizes();
  const size_t of_each = std::max(size_t{1}, MostAside() / windows.size());
  std::vector<WindowPlan> samples;
  std::vector<PageMove> tried;
  std::vector<size_t> tried_windows;
  for (size_t i = 0; i < windows.size(); ++i) {
    const WindowPlan& sample = samples.emplace_back(TakeSample(windows[i], of_each, sizes));
    for (const auto* moves : {&sample.huge, &sample.probes, &sample.singles}) {
      tried.insert(tried.end(), moves->begin(), moves->end());
    }
    tried_windows.resize(tried.size(), i);
  }
  unstuck_sample_.emplace();
  MovePlan(Merge(samples));
  const std::set<uint64_t> unstuck = std::move(*unstuck_sample_);
  unstuck_sample_.reset();
  if (!batches_.MayContinue()) return;
  // A page that has moved, is nowhere any more, or stayed for another reason than that it is pinned
  // says that the window is worth trying.
  const std::vector<int> nodes = batches_.Query(tried);
  std::vector<bool> is_stuck(windows.size(), !nodes.empty());
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i] < 0 || batches_.IsThere(tried[i], nodes[i]) ||
        unstuck.contains(tried[i].address)) {
      is_stuck[tried_windows[i]] = false;
    }
  }
  for (size_t i = 0; i < windows.size(); ++i) {
    if (is_stuck[i]) {
      LeaveUntried(windows[i]);
    } else {
      MovePlan(std::move(windows[i]));
    }
  }
}

void SegmentMover::LeaveUntried(const WindowPlan& window) {
  const int64_t pages = window.CountMoves(process_.page_sizes());
  batches_.Count(PageOutcome::kPinned, pages);
  process_.stuck().CountUntried(pages);
}

void SegmentMover::FinishProcess() {
  std::vector<WindowPlan> aside = process_.stuck().TakeAside();
  if (aside.empty() || process_.stuck().TakesSample()) {
    TrySample(std::move(aside));
  } else if (batches_.MayContinue()) {
    for (const WindowPlan& window : aside) LeaveUntried(window);
  }
  retries_.RetryCollected();
  MoveSharers();
  batches_.Flush();
}

std::vector<PageSpan> SegmentMover::SettleShared(absl::Span<const PageSpan> spans) {
  if (!pagemap_.ok()) return {spans.begin(), spans.end()};
  const PageSizes& sizes = process_.page_sizes();
  SharedAndOwn pages = SeparateShared(*pagemap_, sizes.base_bytes, sizes.PagesPerHuge(), spans,
                                      [&](const PageSpan& span) {
                                        return process_.CountMisplaced({&span, 1}) > 0;
                                      });
  const WindowPlan shared = PlanWindow(pages.shared, process_.targets(), sizes);
  for (const PageMove& head : shared.huge) {
    Settle(head, sizes.PagesPerHuge(), PageOutcome::kShared);
  }
  for (const auto* moves : {&shared.probes, &shared.rest, &shared.singles}) {
    for (const PageMove& move : *moves) Settle(move, 1, PageOutcome::kShared);
  }
  batches_.Count(PageOutcome::kBusy, shared.hidden_pages);
  return std::move(pages.own);
}

void SegmentMover::MoveHuge(absl::Span<const PageMove> heads, MoveFlag flag,
                            std::vector<PageMove>& singles) {
  const PageSizes& sizes = process_.page_sizes();
  const int64_t pages = sizes.PagesPerHuge();
  std::vector<PageMove> moved;
  std::vector<PageMove> last_pages;
  batches_.Move(heads, MoveUnit::kHugePage, flag, [&](const PageMove& head, PageOutcome outcome) {
    if (outcome == PageOutcome::kMoved) {
      moved.push_back(head);
      last_pages.push_back(PageOf(head, pages - 1, sizes));
    } else if (outcome == PageOutcome::kVanished || outcome == PageOutcome::kNotMigratable) {
      // This may be the outcome of the first page only: it is no huge page any more.
      for (const PageMove& page : PagesOfHuge(head, sizes)) singles.push_back(page);
    } else {
      Settle(head, pages, outcome);
    }
  });
  // The kernel splits a huge page if the target has no free huge page.
  const std::vector<int> nodes = batches_.Query(last_pages);
  for (size_t i = 0; i < moved.size(); ++i) {
    const bool stayed_whole = i >= nodes.size() || nodes[i] == moved[i].target.value;
    batches_.CountHugePage(stayed_whole);
    if (stayed_whole) {
      batches_.CountMoved(moved[i], pages);
    } else {
      const auto parts = batches_.CountFollowers(PagesOfHuge(moved[i], sizes));
      singles.insert(singles.end(), parts.begin(), parts.end());
    }
  }
}

void SegmentMover::MoveProbes(absl::Span<const PageMove> heads, absl::Span<const PageMove> rest,
                              std::vector<PageMove>& singles) {
  if (heads.empty()) return;
  std::vector<uint64_t> stuck_heads;
  batches_.Move(heads, MoveUnit::kHugePage, MoveFlag::kExclusive,
                [&](const PageMove& head, PageOutcome outcome) {
                  if (PageRetries::IsWorthwhile(outcome)) {
                    stuck_heads.push_back(head.address);
                  } else {
                    Settle(head, 1, outcome);
                  }
                });
  // Also after a stop: pages that moved together with a probe must be counted.
  const size_t rest_pages = rest.size() / heads.size();
  for (size_t i = 0; i < heads.size(); ++i) {
    std::vector<PageMove> left = batches_.CountFollowers(rest.subspan(i * rest_pages, rest_pages));
    if (left.empty()) batches_.CountHugePage(true);
    const bool is_stuck =
        std::find(stuck_heads.begin(), stuck_heads.end(), heads[i].address) != stuck_heads.end();
    if (is_stuck && process_.stuck().IsStuck()) {
      // Not Settle: if it has moved meanwhile, these pages, which may be part of a huge page, would
      // be tried again as a whole one.
      batches_.Count(PageOutcome::kPinned, static_cast<int64_t>(left.size()) + 1);
      continue;
    }
    if (is_stuck && SettleStuckProbe(heads[i], left)) continue;
    singles.insert(singles.end(), left.begin(), left.end());
  }
}

bool SegmentMover::SettleStuckProbe(const PageMove& head, std::vector<PageMove>& left) {
  const PageMove pair[] = {head, PageOf(head, 1, process_.page_sizes())};
  if (left.empty() || left.front().address != pair[1].address) {
    Settle(head, 1, PageOutcome::kPinned);
    return false;
  }
  // The kernel cannot isolate a page twice: if both belong to one huge page, the second is busy.
  const std::vector<PageOutcome> outcomes = batches_.MoveTogether(pair);
  if (outcomes[0] == PageOutcome::kPinned && outcomes[1] == PageOutcome::kBusy) {
    Settle(head, static_cast<int64_t>(left.size()) + 1, PageOutcome::kPinned);
    return true;
  }
  Settle(pair[0], 1, outcomes[0]);
  Settle(pair[1], 1, outcomes[1]);
  left.erase(left.begin());
  return false;
}

void SegmentMover::MoveSingles(absl::Span<const PageMove> moves, MoveFlag flag) {
  batches_.Move(moves, MoveUnit::kPage, flag,
                [this](const PageMove& move, PageOutcome outcome) { Settle(move, 1, outcome); });
}

void SegmentMover::MoveSharers() {
  const std::vector<UnmovedPage> sharers = std::exchange(sharers_, {});
  std::vector<PageMove> moves;
  moves.reserve(sharers.size());
  for (const UnmovedPage& page : sharers) moves.push_back(page.move);
  const std::vector<int> nodes = batches_.Query(moves);
  std::vector<UnmovedPage> left;
  for (size_t i = 0; i < sharers.size(); ++i) {
    if (i < nodes.size() && batches_.IsThere(moves[i], nodes[i])) {
      // Another process of the workload has moved it.
      batches_.Count(PageOutcome::kAlreadyThere, sharers[i].pages);
    } else {
      left.push_back(sharers[i]);
    }
  }
  retries_.TryAndRetry(left, MoveFlag::kShared);
  // The proof held when they were kept and did not hold when they were moved.
  for (const UnmovedPage& page : std::exchange(sharers_, {})) {
    batches_.Count(PageOutcome::kShared, page.pages);
  }
}

void SegmentMover::Settle(const PageMove& move, int64_t pages, PageOutcome outcome) {
  const SharingRule rule = context_.spec.sharing;
  if (unstuck_sample_.has_value() && outcome != PageOutcome::kPinned) {
    unstuck_sample_->insert(move.address);
  }
  if (outcome == PageOutcome::kMoved) {
    batches_.CountMoved(move, pages);
  } else if (PageRetries::IsWorthwhile(outcome) &&
             !(outcome == PageOutcome::kPinned && process_.stuck().IsStuck())) {
    retries_.Add(move, pages, outcome);
  } else if (outcome == PageOutcome::kShared && !context_.nodes_swap &&
             (rule == SharingRule::kAll ||
              (rule == SharingRule::kOwned &&
               context_.owned.Has(process_.handle().pid(), move.address)))) {
    sharers_.push_back({move, pages, outcome});
  } else if (outcome == PageOutcome::kShared && rule == SharingRule::kOwned &&
             !batches_.MayContinue()) {
    // Whose it is, is unknown: the proof has ended with the migration. It counts as not attempted.
  } else {
    batches_.Count(outcome, pages);
  }
}

}  // namespace numalocality
