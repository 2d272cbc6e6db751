// Which mapped files are hugetlb pages though no mount says so: those of memfd_create(2) and
// shmget(2) lie on file systems that the kernel mounts for itself.
#ifndef NUMALOCALITY_AGENT_OS_PROCESS_HUGETLB_DEVICES_H_
#define NUMALOCALITY_AGENT_OS_PROCESS_HUGETLB_DEVICES_H_

#include <set>

#include "agent/os/process/parse_proc.h"

namespace numalocality {

// The kernel's own hugetlb file systems, one a page size; found out once, by making an empty memfd
// of each size. Empty on kernels without hugetlb. Thread-safe.
const std::set<DeviceId>& InternalHugetlbDevices();

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PROCESS_HUGETLB_DEVICES_H_
