// This program itself, from /proc/self (Documentation/filesystems/proc.rst) and getrlimit(2): what
// it uses of the machine, what the kernel allows it to do, and its limits.
#ifndef NUMALOCALITY_AGENT_OS_PROCESS_OWN_PROCESS_H_
#define NUMALOCALITY_AGENT_OS_PROCESS_OWN_PROCESS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/model/privileges.h"
#include "agent/os/base/host.h"

namespace numalocality {

struct OwnProcess {
  absl::Duration cpu_time;  // of all threads
  int64_t resident_bytes = 0;
  int64_t open_file_count = 0;  // file descriptors
  absl::Time start_time;
};

absl::StatusOr<OwnProcess> ReadOwnProcess(const Host& host);

// The privileges this program has now.
absl::StatusOr<Privileges> ReadOwnPrivileges(const Host& host);

// Parses /proc/PID/status, which has all privileges except the PID namespace and the security
// label. INVALID_ARGUMENT if a line is missing. Pure.
absl::StatusOr<Privileges> ParsePrivileges(absl::string_view status);

// Raises this program's soft limit of open files to the hard limit: a migration keeps two file
// descriptors open for each process.
absl::Status RaiseOpenFileLimit();

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PROCESS_OWN_PROCESS_H_
