// Pages of a segment that the kernel tried and could not move (busy or pinned): tries them again.
//
// When: Such pages are collected over windows. They are tried again when 4,096 of them have come
// together, and at the end of the segment: MoveLimits::retries times, after pauses of 1 ms, 4 ms,
// 16 ms and so on. Shared pages that belong to the workload are tried again with each window. Pages
// with any other outcome are not tried again. Pinned pages are tried no more when an attempt has
// moved none of many, nor while nothing of the process's memory moves (see stuck_memory).
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_PAGE_RETRIES_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_PAGE_RETRIES_H_

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "agent/engine/move/batch_mover.h"
#include "agent/model/migration_plan.h"
#include "agent/model/page_outcome.h"

namespace numalocality {

// A page that did not move, or a whole huge page, of which `move` is the first page.
struct UnmovedPage {
  PageMove move;
  int64_t pages = 1;
  PageOutcome outcome = PageOutcome::kPinned;
};

// For one segment, on one thread.
class PageRetries {
 public:
  // Moves known huge pages, given by their first pages, and single pages, each list ordered by
  // target; calls Add for pages that are still to be tried again.
  using Attempt = std::function<void(absl::Span<const PageMove> heads,
                                     std::vector<PageMove> singles, MoveFlag flag)>;

  // `batches` must outlive this.
  PageRetries(int retries, PageSizes sizes, BatchMover& batches, Attempt attempt)
      : retries_(retries), sizes_(sizes), batches_(batches), attempt_(std::move(attempt)) {}

  // Whether pages with this outcome are tried again.
  static bool IsWorthwhile(PageOutcome outcome) {
    return outcome == PageOutcome::kPinned || outcome == PageOutcome::kBusy;
  }

  // Collects a page that did not move, or `pages` pages of a huge page.
  void Add(const PageMove& move, int64_t pages, PageOutcome outcome) {
    collected_.push_back({move, pages, outcome});
  }

  // Whether as many pages are collected as should be tried together.
  bool IsDue() const;

  // Tries the collected pages again, and counts those that still do not move.
  void RetryCollected();

  // Tries `pages`, at once and then again, without the collected ones; counts those that do not
  // move.
  void TryAndRetry(const std::vector<UnmovedPage>& pages, MoveFlag flag);

 private:
  void Retry(std::vector<UnmovedPage> pages, MoveFlag flag);
  // Returns the pages that did not move.
  std::vector<UnmovedPage> Try(const std::vector<UnmovedPage>& pages, MoveFlag flag);
  // Counts pages after their last attempt.
  void CountUnmoved(const std::vector<UnmovedPage>& pages);

  const int retries_;
  const PageSizes sizes_;
  BatchMover& batches_;
  const Attempt attempt_;
  std::vector<UnmovedPage> collected_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_PAGE_RETRIES_H_
