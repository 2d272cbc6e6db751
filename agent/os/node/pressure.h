// Memory pressure: how much time tasks lose waiting for memory. From the kernel's pressure stall
// information (Documentation/accounting/psi.rst).
#ifndef NUMALOCALITY_AGENT_OS_NODE_PRESSURE_H_
#define NUMALOCALITY_AGENT_OS_NODE_PRESSURE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/os/base/host.h"

namespace numalocality {

// Averages over the last ten seconds (avg10). The kernel updates them every two seconds.
struct MemoryPressure {
  double some_fraction = 0;  // of the time, at least one task was stalled
  double full_fraction = 0;  // of the time, all tasks were stalled
  bool operator==(const MemoryPressure&) const = default;
};

// Parses memory.pressure of a cgroup or /proc/pressure/memory. INVALID_ARGUMENT if the text has
// another format.
absl::StatusOr<MemoryPressure> ParseMemoryPressure(absl::string_view text);

// The pressure of the whole machine. An error if the kernel was built without PSI or booted with
// psi=0.
absl::StatusOr<MemoryPressure> ReadMachinePressure(const Host& host);

// The time since boot in which all tasks of the machine waited for memory. Errors as
// ReadMachinePressure.
absl::StatusOr<absl::Duration> ReadMachineStall(const Host& host);

// The same from the text of /proc/pressure/memory. INVALID_ARGUMENT if it has another format. Pure.
absl::StatusOr<absl::Duration> ParseStall(absl::string_view text);

// The pressure of a cgroup and its descendants. `cgroup_path` is relative to the cgroup root and
// begins with "/". Also an error if the cgroup's accounting is off (cgroup.pressure), and for the
// root cgroup before Linux 6.1.
absl::StatusOr<MemoryPressure> ReadCgroupPressure(const Host& host, const std::string& cgroup_path);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_NODE_PRESSURE_H_
