#include "agent/os/pages/scan_pacer.h"

#include <sys/prctl.h>

#include <algorithm>

namespace numalocality {
namespace {

// What a process may have to wait for its lock while others read.
constexpr absl::Duration kStretch = absl::Microseconds(120);
constexpr absl::Duration kPause = absl::Microseconds(1);
// A pause costs some 5 µs, but 300 in an emulated machine: not to spend more time with pauses than
// with reading, stretches are so many times as long as the last pause took.
constexpr int kStretchToPause = 10;
// Past this the kernel gives the lock to the one who waits anyway.
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
