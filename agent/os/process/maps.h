// Reads the mappings of a process from /proc/PID/maps, and the mounted file systems that decide
// what they map. Keeps no paths: a process decides how long these are.
#ifndef NUMALOCALITY_AGENT_OS_PROCESS_MAPS_H_
#define NUMALOCALITY_AGENT_OS_PROCESS_MAPS_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/os/base/kernel_calls.h"
#include "agent/os/base/read_budget.h"
#include "agent/os/process/parse_proc.h"

namespace numalocality {

// Reads the mountinfo file `path`, and adds the file systems that the kernel mounts for itself:
// those of memfd_create(2), shmget(2) and shared anonymous memory, with and without hugetlb pages.
// An exiting process has no mounts any more: NOT_FOUND. `path` is relative to `directory_fd`, here
// and below.
absl::StatusOr<MemoryFileSystems> ReadMemoryFileSystems(int directory_fd, const std::string& path,
                                                        ReadBudget& budget);

// Visits the mappings that the maps file `path` shows, in address order, until `visit` returns
// false. Asks the kernel for one mapping after the other if it can (Linux 6.11), which costs the
// same for any path; otherwise reads the text. A process without memory has
// none, or is NOT_FOUND.
absl::Status VisitMaps(KernelCalls& kernel, int directory_fd, const std::string& path,
                       const MemoryFileSystems& file_systems, ReadBudget& budget,
                       absl::FunctionRef<bool(const Mapping&)> visit);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PROCESS_MAPS_H_
