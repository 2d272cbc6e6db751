// Pressure stall information: how much time tasks lose waiting for memory
// (Documentation/accounting/psi.rst).
#ifndef NUMALOCALITY_AGENT_OS_NODE_PRESSURE_H_
#define NUMALOCALITY_AGENT_OS_NODE_PRESSURE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/os/base/host.h"

namespace numalocality {

// Averages over the last ten seconds; the kernel brings them up to date every two.
struct MemoryPressure {
  double some_fraction = 0;  // of the time in which at least one task waited
  double full_fraction = 0;  // of the time in which no task got on
  bool operator==(const MemoryPressure&) const = default;
};

// The text of memory.pressure or /proc/pressure/memory. INVALID_ARGUMENT if it is not in the
// format.
absl::StatusOr<MemoryPressure> ParseMemoryPressure(absl::string_view text);

// Of the whole machine. An error where the kernel does not tell: built without PSI, or booted with
// psi=0.
absl::StatusOr<MemoryPressure> ReadMachinePressure(const Host& host);

// Of a cgroup and all below it; `cgroup_path` from the cgroup root, "/" first. Errors also for
// cgroups whose accounting is switched off (cgroup.pressure), and for the root cgroup before
// Linux 6.1.
absl::StatusOr<MemoryPressure> ReadCgroupPressure(const Host& host, const std::string& cgroup_path);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_NODE_PRESSURE_H_
