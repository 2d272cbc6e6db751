#include "agent/os/pages/scan_pacer.h"

#include <sys/prctl.h>

#include <algorithm>

namespace numalocality {
namespace {

// The longest that a process may have to wait for its lock because of these reads.
constexpr absl::Duration kStretch = absl::Microseconds(120);
constexpr absl::Duration kPause = absl::Microseconds(1);
// A pause takes about 5 µs, but 300 µs in an emulated machine. A stretch of reads is this many
// times as long as the last pause, so that pauses do not take more time than reads.
constexpr int kStretchToPause = 10;
// After this time the kernel gives the lock to the waiting writer anyway.
constexpr absl::Duration kLongestStretch = absl::Milliseconds(2);

}  // namespace

ScanPacer::ScanPacer(const Clock& clock)
    : clock_(clock),
      old_slack_(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0)),
      last_pause_(clock.Monotonic()),
      stretch_(kStretch) {
  prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
}

ScanPacer::~ScanPacer() {
  if (old_slack_ > 0) prctl(PR_SET_TIMERSLACK, old_slack_, 0, 0, 0);
}

void ScanPacer::AfterRead() {
  const absl::Duration now = clock_.Monotonic();
  if (now - last_pause_ < stretch_) return;
  clock_.Sleep(kPause);
  last_pause_ = clock_.Monotonic();
  stretch_ = std::clamp(kStretchToPause * (last_pause_ - now), kStretch, kLongestStretch);
}

}  // namespace numalocality
