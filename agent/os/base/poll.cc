#include "agent/os/base/poll.h"

#include <algorithm>
#include <ctime>

namespace numalocality {

void Poll(std::vector<pollfd>& polled, absl::Duration time) {
  const timespec timeout = absl::ToTimespec(std::max(time, absl::ZeroDuration()));
  const bool forever = time == absl::InfiniteDuration();
  if (ppoll(polled.data(), polled.size(), forever ? nullptr : &timeout, nullptr) >= 0) return;
  for (pollfd& each : polled) each.revents = 0;
}

}  // namespace numalocality
