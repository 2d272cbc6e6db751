// Circumstances: settings of a machine or a workload that make memory remote or keep it remote, and
// what to do about them. Pure.
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
  std::string code;     // for programs, such as "numa_balancing"; never changes
  std::string message;  // the fact, for people
  std::string advice;   // what to do about it, for people; may be empty
  bool operator==(const Circumstance&) const = default;
};

struct CircumstanceFacts {
  std::optional<KubeletAssignment> assignment;  // nullopt: none, or unknown
  int kernel_major = 0;                         // 0: unknown
  int kernel_minor = 0;
  bool balancing = false;  // automatic NUMA balancing is on
  int64_t swapped_bytes = 0;
  std::set<std::string> unread;  // what could not be read, in words
};

// The circumstances that apply, the most important one first.
std::vector<Circumstance> CircumstancesOf(const CircumstanceFacts& facts,
                                          const WorkloadPlacement& placement,
                                          const Topology& topology);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_CIRCUMSTANCE_H_
