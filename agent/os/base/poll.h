// Waits for file descriptors (poll(2)).
#ifndef NUMALOCALITY_AGENT_OS_BASE_POLL_H_
#define NUMALOCALITY_AGENT_OS_BASE_POLL_H_

#include <poll.h>

#include <vector>

#include "absl/time/time.h"

namespace numalocality {

// Waits until one is ready, or `time` has passed, which may be infinite. After a signal none is
// ready.
void Poll(std::vector<pollfd>& polled, absl::Duration time);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_BASE_POLL_H_
