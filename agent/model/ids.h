// Identifiers as distinct types, so that the compiler catches a node passed as a CPU.
#ifndef NUMALOCALITY_AGENT_MODEL_IDS_H_
#define NUMALOCALITY_AGENT_MODEL_IDS_H_

#include <sys/types.h>

#include <compare>
#include <cstdint>

namespace numalocality {

// A NUMA node as Linux numbers it. Ids may be sparse and may exceed 63; a node may have no CPUs
// or no memory.
struct NodeId {
  int value = -1;
  auto operator<=>(const NodeId&) const = default;
};

// A logical CPU as Linux numbers it.
struct CpuId {
  int value = -1;
  auto operator<=>(const CpuId&) const = default;
};

// A process, identified by its PID in the agent's PID namespace and its start time (clock ticks
// since boot, field 22 of /proc/PID/stat), so that a reused PID is noticed.
struct ProcessId {
  pid_t pid = -1;
  uint64_t start_ticks = 0;
  auto operator<=>(const ProcessId&) const = default;
};

// Virtual addresses [start, end).
struct AddressRange {
  uint64_t start = 0;
  uint64_t end = 0;
  auto operator<=>(const AddressRange&) const = default;
  uint64_t size() const { return end - start; }
};

// The whole user address space.
inline constexpr AddressRange kWholeAddressSpace{0, uint64_t{1} << 63};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_IDS_H_
