#include "agent/engine/move/page_retries.h"

#include <algorithm>

namespace numalocality {
namespace {

// Most pages that did not move and are kept, to be tried again together: thousands of stuck pages
// must not cost a pause each.
constexpr size_t kMostCollected = 4096;

// Pause before the first retry; each further pause is four times as long.
constexpr absl::Duration kFirstPause = absl::Milliseconds(1);
constexpr int kPauseGrowth = 4;

// So many pages that are all pinned, before and after an attempt, are not pinned for a moment only.
constexpr size_t kManyPinned = 64;

bool AreAllPinned(const std::vector<UnmovedPage>& pages) {
  return std::all_of(pages.begin(), pages.end(),
                     [](const UnmovedPage& page) { return page.outcome == PageOutcome::kPinned; });
}

}  // namespace

bool PageRetries::IsDue() const { return collected_.size() >= kMostCollected; }

void PageRetries::RetryCollected() { Retry(std::exchange(collected_, {}), MoveFlag::kExclusive); }

void PageRetries::TryAndRetry(const std::vector<UnmovedPage>& pages, MoveFlag flag) {
  Retry(Try(pages, flag), flag);
}

void PageRetries::Retry(std::vector<UnmovedPage> pages, MoveFlag flag) {
  absl::Duration pause = kFirstPause;
  for (int i = 0; i < retries_ && !pages.empty(); ++i) {
    if (!batches_.Pause(pause)) break;
    pause *= kPauseGrowth;
    const size_t before = pages.size();
    pages = Try(pages, flag);
    if (pages.size() == before && before >= kManyPinned && AreAllPinned(pages)) break;
  }
  CountUnmoved(pages);
}

std::vector<UnmovedPage> PageRetries::Try(const std::vector<UnmovedPage>& pages, MoveFlag flag) {
  const std::vector<UnmovedPage> put_aside = std::exchange(collected_, {});
  std::vector<PageMove> heads;
  std::vector<PageMove> singles;
  for (const UnmovedPage& page : pages) (page.pages > 1 ? heads : singles).push_back(page.move);
  SortByTarget(heads);
  batches_.SetFirstAttempt(false);
  attempt_(heads, std::move(singles), flag);
  batches_.SetFirstAttempt(true);
  return std::exchange(collected_, put_aside);
}

void PageRetries::CountUnmoved(const std::vector<UnmovedPage>& pages) {
  // A page may have moved together with a later one of its huge page.
  std::vector<PageMove> moves;
  moves.reserve(pages.size());
  for (const UnmovedPage& page : pages) moves.push_back(page.move);
  const std::vector<int> nodes = batches_.Query(moves);
  for (size_t i = 0; i < pages.size(); ++i) {
    const PageOutcome outcome =
        batches_.TargetIsGone() ? PageOutcome::kNotAttempted : pages[i].outcome;
    if (i >= nodes.size() || !batches_.IsThere(moves[i], nodes[i])) {
      batches_.Count(outcome, pages[i].pages);
    } else if (pages[i].pages == 1) {
      batches_.CountMoved({moves[i].address, moves[i].source, NodeId{nodes[i]}}, 1);
    } else {
      const auto left = batches_.CountFollowers(PagesOfHuge(moves[i], sizes_));
      batches_.Count(outcome, static_cast<int64_t>(left.size()));
    }
  }
}

}  // namespace numalocality
