#include "agent/engine/move/reclaim_watch.h"

#include "absl/strings/str_cat.h"
#include "agent/os/node/reclaim_counters.h"

namespace numalocality {
namespace {

constexpr absl::Duration kReadCountersEvery = absl::Milliseconds(100);

}  // namespace

ReclaimWatch::Answer ReclaimWatch::MayTake(int64_t ahead_pages) {
  const absl::Duration now = clock_.Monotonic();
  MutexLock lock(mutex_);
  if (!harm_.empty()) return {absl::ZeroDuration(), harm_};
  if (before_.has_value() && !start_.has_value() && now < before_->time + kWatchFor) {
    return {before_->time + kWatchFor - now, ""};
  }
  if (start_.has_value() && now < latest_.time + kReadCountersEvery) return {};
  const auto counters = ReadReclaimCounters(host_, now);
  if (!counters.ok()) {
    harm_ = absl::StrCat("the harm cannot be watched: ", counters.status().message());
    return {absl::ZeroDuration(), harm_};
  }
  if (!before_.has_value()) {
    before_ = *counters;
    return {kWatchFor, ""};
  }
  Judge(*counters, ahead_pages);
  return {absl::ZeroDuration(), harm_};
}

void ReclaimWatch::Judge(const ReclaimCounters& now, int64_t ahead_pages) {
  latest_ = now;
  if (!start_.has_value()) start_ = now;
  harm_ = HarmOfReclaim({*before_, *start_, now}, taken_pages_, ahead_pages);
}

void ReclaimWatch::Took(int64_t pages) {
  MutexLock lock(mutex_);
  taken_pages_ += pages;
}

int64_t ReclaimWatch::taken_pages() const {
  MutexLock lock(mutex_);
  return taken_pages_;
}

int64_t ReclaimWatch::refaulted_pages() const {
  const auto now = ReadReclaimCounters(host_, clock_.Monotonic());
  MutexLock lock(mutex_);
  return start_.has_value() && now.ok() ? now->refaulted_pages - start_->refaulted_pages : 0;
}

}  // namespace numalocality
