// What about a machine or a workload makes memory remote, or keeps it so, and what to do about it.
// Pure.
#ifndef NUMALOCALITY_AGENT_MODEL_CIRCUMSTANCE_H_
#define NUMALOCALITY_AGENT_MODEL_CIRCUMSTANCE_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/model/container_names.h"
#include "agent/model/placement.h"
#include "agent/model/topology.h"

namespace numalocality {

struct Circumstance {
  std::string message;  // what is so, for people
  std::string advice;   // what to do about it, for people; may be empty
  bool operator==(const Circumstance&) const = default;
};

struct CircumstanceFacts {
  std::optional<KubeletAssignment> assignment;  // nullopt: none, or not known
  int kernel_major = 0;                         // not known
  int kernel_minor = 0;
  bool balancing = false;  // automatic NUMA balancing is on
  int64_t swapped_bytes = 0;
  std::set<std::string> unread;  // what could not be found out, in words
};

// Those that hold, what matters most first.
std::vector<Circumstance> CircumstancesOf(const CircumstanceFacts& facts,
                                          const WorkloadPlacement& placement,
                                          const Topology& topology);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_CIRCUMSTANCE_H_
