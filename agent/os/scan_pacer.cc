#include "agent/os/scan_pacer.h"

#include <sys/prctl.h>

namespace numalocality {
namespace {

// What a process may have to wait for its lock while others read. A pause costs the reader some
// 5 us, so that this is also what keeps pauses cheap.
constexpr absl::Duration kLongestStretch = absl::Microseconds(120);
constexpr absl::Duration kPause = absl::Microseconds(1);

}  // namespace

ScanPacer::ScanPacer(const Clock& clock)
    : clock_(clock),
      old_slack_(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0)),
      last_pause_(clock.Monotonic()) {
  prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
}

ScanPacer::~ScanPacer() {
  if (old_slack_ > 0) prctl(PR_SET_TIMERSLACK, old_slack_, 0, 0, 0);
}

void ScanPacer::AfterRead() {
  if (clock_.Monotonic() - last_pause_ < kLongestStretch) return;
  clock_.Sleep(kPause);
  last_pause_ = clock_.Monotonic();
}

}  // namespace numalocality
