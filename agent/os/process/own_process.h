// What this program uses of the machine, from /proc/self (Documentation/filesystems/proc.rst).
#ifndef NUMALOCALITY_AGENT_OS_PROCESS_OWN_PROCESS_H_
#define NUMALOCALITY_AGENT_OS_PROCESS_OWN_PROCESS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/os/base/host.h"

namespace numalocality {

struct OwnProcess {
  absl::Duration cpu_time;  // of all threads
  int64_t resident_bytes = 0;
  int64_t open_file_count = 0;  // file descriptors
  absl::Time start_time;
};

absl::StatusOr<OwnProcess> ReadOwnProcess(const Host& host);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PROCESS_OWN_PROCESS_H_
